"""Admission of signatures and other posts: limits, proofs, and signatures held for review."""

import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import altcha
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from campaign.database.table import Base
from campaign.guard import surge
from campaign.guard.proof_of_work import SpentProof
from campaign.guard.threshold import (
    TICKET_SECONDS,
    Bounds,
    Limit,
)
from campaign.settings import Settings
from campaign.signature import domain_day
from campaign.signature.model import Signature
from campaign.web.site import Site
from campaign.web.supporter import admission
from campaign.web.supporter.admission import LINK, SIGN
from tests.conftest import Clock
from tests.web.conftest import FORM, OrganisersBrowser, Supporter

# What the guard does in the database is tested on both kinds, in tests/guard/.
pytestmark = pytest.mark.any_database

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.1"

FREE, FREE_A_DAY, MOST, MOST_A_DAY, SURGE = 5, 8, 100, 1_000, 10

CONFIRMED_PER_LETTER = 5
"""That it is 20 as documented, and 60 for all letters, is tested in tests/signature/test_domain_day.py."""


def fixed(per_period: int, per_day: int) -> Limit:
    return Limit(Bounds(per_period, per_period), Bounds(per_day, per_day))


@pytest.fixture(autouse=True)
def fixed_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fix where limits lie; that they are drawn is tested in tests/guard/ and test_shared_address.py."""
    monkeypatch.setattr(admission, "FREE_SIGNATURES", fixed(FREE, FREE_A_DAY))
    monkeypatch.setattr(admission, "MAX_SIGNATURES", fixed(MOST, MOST_A_DAY))
    monkeypatch.setattr(admission, "MAX_LINK_REQUESTS", fixed(MOST, MOST_A_DAY))
    monkeypatch.setattr(surge, "SURGE_PER_MINUTE", Bounds(SURGE, SURGE))
    monkeypatch.setattr(domain_day, "CONFIRMED_PER_LETTER", CONFIRMED_PER_LETTER)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, unlimited_networks=())


class Crowd:
    """Many people, each with a mailbox at home."""

    def __init__(self, client: FlaskClient, site: Site) -> None:
        self.client = client
        self.site = site
        self.number = 0

    def sign(self, address: str = HOME, **changes: str) -> TestResponse:
        """Sign from *address* as somebody who has not signed yet."""
        self.number += 1
        form = FORM | {"email": f"mara@house{self.number}.example"} | changes
        return self.client.post("/en/letters/de", data=form, environ_base={"REMOTE_ADDR": address})

    def use_up(self, address: str = HOME) -> None:
        """Sign so often that the next signature from *address* needs a proof."""
        for _ in range(FREE):
            assert self.sign(address).status_code == 303

    def again(self, page: TestResponse, address: str = HOME, **changes: str) -> TestResponse:
        """Send the page's form as it stands, with *changes*."""
        form = hidden(page) | changes
        return self.client.post("/en/letters/de", data=form, environ_base={"REMOTE_ADDR": address})

    def held(self) -> list[str | None]:
        """Return why each signature is held, the free ones first."""
        with self.site.database.reading() as db:
            return sorted(db.scalars(select(Signature.held_for)), key=str)


@pytest.fixture
def crowd(client: FlaskClient, site: Site) -> Crowd:
    return Crowd(client, site)


def hidden(page: TestResponse) -> dict[str, str]:
    """Return the hidden fields of *page*."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.get_data(as_text=True))
    return {name: html.unescape(text) for name, text in found}


def puzzle(page: TestResponse) -> Any:
    """Return the puzzle of *page*, or ``None``."""
    found = re.search(r'data-puzzle="([^"]*)"', page.get_data(as_text=True))
    assert found
    return json.loads(html.unescape(found[1])) if found[1] else None


def answer(page: TestResponse) -> str:
    """Return what a browser finds for *page*."""
    challenge = altcha.Challenge.from_dict(puzzle(page))
    solution = altcha.solve_challenge(challenge)
    assert solution
    return altcha.Payload(challenge, solution).to_base64()


def text(page: TestResponse) -> str:
    return html.unescape(page.get_data(as_text=True))


def test_the_first_signatures_of_a_network_need_no_proof_and_further_ones_do(crowd: Crowd) -> None:
    crowd.use_up()
    page = crowd.sign()

    assert page.status_code == 422
    assert "One moment" in text(page)
    assert page.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in page.headers
    assert crowd.sign(ELSEWHERE).status_code == 303
    assert len(crowd.held()) == FREE + 1


def test_the_proof_page_carries_what_was_typed(crowd: Crowd) -> None:
    crowd.use_up()
    typed = {"name": 'Mara "<b>" Ėxample', "words": "One.\n\nTwo & three.", "town": "Süd", "website": "x"}
    page = crowd.sign(**typed)

    kept = hidden(page)
    assert {name: kept[name] for name in typed} == typed
    assert kept["consent"] == "y"
    assert hidden(crowd.again(page))["words"] == typed["words"]


def test_a_signature_with_a_proof_is_not_held(crowd: Crowd) -> None:
    crowd.use_up()
    page = crowd.sign()
    done = crowd.again(page, altcha=answer(page))

    assert (done.status_code, done.location) == (303, "/en/check-your-mail")
    assert crowd.held() == [None] * (FREE + 1)


def test_a_proof_is_good_for_one_signature_in_every_process(
    crowd: Crowd, make_app: Callable[[Settings], Flask], site: Site
) -> None:
    crowd.use_up()
    page = crowd.sign()
    given = answer(page)
    other = Crowd(make_app(site.settings).test_client(), site)
    other.use_up()
    assert crowd.again(page, altcha=given).status_code == 303

    refused = [
        each.again(page, email=f"{at}@example.org", altcha=given) for at, each in enumerate([crowd, other])
    ]

    assert [page.status_code for page in refused] == [422, 422]
    assert len(crowd.held()) == 2 * FREE + 1


def test_after_an_invalid_answer_the_supporter_presses_the_button(crowd: Crowd, clock: Clock) -> None:
    crowd.use_up()
    page = crowd.sign()
    again = crowd.again(page, altcha="nonsense")

    assert again.status_code == 422
    assert puzzle(again) is None
    clock.forward(seconds=TICKET_SECONDS)
    assert crowd.again(again).status_code == 303


def test_a_proof_is_not_spent_when_the_signature_is_not_stored(crowd: Crowd, site: Site) -> None:
    crowd.use_up()
    page = crowd.sign()
    given = answer(page)
    assert crowd.again(page, altcha=given, consent="").status_code == 422

    with site.database.reading() as db:
        assert db.scalar(select(func.count()).select_from(SpentProof)) == 0
    assert crowd.again(page, altcha=given).status_code == 303


def test_without_javascript_a_wait_replaces_the_puzzle(crowd: Crowd, clock: Clock) -> None:
    crowd.use_up()
    page = crowd.sign()
    clock.forward(seconds=TICKET_SECONDS - 5)
    early = crowd.again(page)

    assert early.status_code == 422
    assert "Please wait 5 seconds" in text(early)
    clock.forward(seconds=5)
    assert crowd.again(early).status_code == 303


def test_a_ticket_is_good_for_no_other_mailbox_or_letter(crowd: Crowd, clock: Clock) -> None:
    crowd.use_up()
    page = crowd.sign()
    clock.forward(seconds=TICKET_SECONDS)

    assert crowd.again(page, email="another@example.org").status_code == 422
    form = hidden(page)
    other = crowd.client.post("/en/letters/fr", data=form, environ_base={"REMOTE_ADDR": HOME})
    assert other.status_code == 422
    assert f"Please wait {TICKET_SECONDS} seconds" in text(other)


def test_a_ticket_from_a_busy_network_is_taken_and_held(crowd: Crowd, clock: Clock) -> None:
    crowd.use_up()
    page = crowd.sign()
    clock.forward(seconds=TICKET_SECONDS)
    done = crowd.again(page)

    assert (done.status_code, done.location) == (303, "/en/check-your-mail")
    assert crowd.held() == [None] * FREE + ["network"]


def start_surge(crowd: Crowd) -> None:
    for number in range(SURGE + 1):
        assert crowd.sign(f"203.0.113.{number}").status_code == 303


def test_in_a_surge_everybody_needs_a_proof_and_a_ticket_is_not_held(crowd: Crowd, clock: Clock) -> None:
    start_surge(crowd)
    page = crowd.sign()

    assert page.status_code == 422
    clock.forward(seconds=TICKET_SECONDS)
    assert crowd.again(page).status_code == 303
    assert set(crowd.held()) == {None}


def test_a_surge_ends_by_itself(crowd: Crowd, clock: Clock) -> None:
    start_surge(crowd)
    clock.forward(minutes=11)

    assert crowd.sign().status_code == 303


def test_each_process_asks_only_after_it_has_seen_a_surge_itself(
    crowd: Crowd, make_app: Callable[[Settings], Flask], site: Site
) -> None:
    other = Crowd(make_app(site.settings).test_client(), site)
    start_surge(crowd)

    assert crowd.sign().status_code == 422
    assert other.sign().status_code == 303


def test_letters_from_memory_stay_the_same_in_a_surge(crowd: Crowd, client: FlaskClient) -> None:
    before = client.get("/en/letters/de")
    start_surge(crowd)

    after = client.get("/en/letters/de")

    assert crowd.sign().status_code == 422
    assert after.data == before.data
    assert after.headers["ETag"] == before.headers["ETag"]


def test_a_network_that_signs_without_end_is_asked_to_come_later(
    crowd: Crowd, clock: Clock, site: Site
) -> None:
    for _ in range(MOST):
        site.rate_limits.add(SIGN, HOME, clock())
    page = crowd.sign(name="Mara Patient", words="Kept.")

    assert page.status_code == 429
    assert 0 < int(page.headers["Retry-After"]) <= 1200
    assert page.headers["Cache-Control"] == "no-store"
    assert 'value="Mara Patient"' in text(page)
    assert "Kept." in text(page)
    assert re.search(r"Try again in about \d+ minutes", text(page))
    assert crowd.sign(ELSEWHERE).status_code == 303

    clock.forward(seconds=int(page.headers["Retry-After"]))
    assert crowd.sign().status_code == 422


def test_what_a_network_may_send_in_a_day_ends(crowd: Crowd, clock: Clock, site: Site) -> None:
    for _ in range(MOST_A_DAY):
        site.rate_limits.add(SIGN, HOME, clock())
    clock.forward(hours=2)
    page = crowd.sign()

    assert page.status_code == 429
    assert "Try again in about 10 hours" in text(page)
    clock.forward(hours=10)
    assert crowd.sign().status_code == 303


def test_unlimited_networks_have_no_limit(
    make_app: Callable[[Settings], Flask], settings: Settings, site: Site
) -> None:
    named = replace(settings, unlimited_networks=(ip_network("192.0.2.0/24"),))
    crowd = Crowd(make_app(named).test_client(), site)

    for _ in range(CONFIRMED_PER_LETTER + FREE_A_DAY + SURGE):
        assert crowd.sign(email=f"m{crowd.number}@mara.example").status_code == 303
    assert set(crowd.held()) == {None}
    assert crowd.sign(ELSEWHERE).status_code == 303


def test_without_trusted_proxies_nobody_says_where_they_come_from(crowd: Crowd) -> None:
    def sign(number: int) -> int:
        return crowd.client.post(
            "/en/letters/de",
            data=FORM | {"email": f"mara@house{number}.example"},
            environ_base={"REMOTE_ADDR": HOME},
            headers={"X-Forwarded-For": f"203.0.113.{number}", "X-Real-IP": f"203.0.113.{number}"},
        ).status_code

    free = FREE
    # All who claim an address are one network.
    assert [sign(at) for at in range(free)] == [303] * free
    assert sign(free) == 422


def test_behind_a_proxy_the_last_address_it_named_counts_and_no_forged_one(
    make_app: Callable[[Settings], Flask], settings: Settings, site: Site
) -> None:
    client = make_app(replace(settings, trusted_proxies=1)).test_client()

    def sign(number: int, forwarded: str) -> int:
        return client.post(
            "/en/letters/de",
            data=FORM | {"email": f"mara@house{number}.example"},
            environ_base={"REMOTE_ADDR": "10.0.0.1"},
            headers={"X-Forwarded-For": forwarded},
        ).status_code

    free = FREE
    assert [sign(at, f"203.0.113.{at}, {HOME}") for at in range(free)] == [303] * free
    assert sign(98, f"203.0.113.98, {HOME}") == 422
    assert sign(99, f"{HOME}, {ELSEWHERE}") == 303


@pytest.mark.parametrize("address", ["", "unknown", "192.0.2.1:4711", "[2001:db8::1]:443", "x" * 5000])
def test_a_malformed_address_is_answered(crowd: Crowd, address: str) -> None:
    assert crowd.sign(address).status_code == 303


def test_a_program_that_fills_in_the_hidden_field_gets_the_usual_answer_and_is_held(
    supporter: Supporter, crowd: Crowd
) -> None:
    first = crowd.sign(email="mara@example.org")
    answered = supporter.sign(website="https://spam.example")

    assert (answered.status_code, answered.location, answered.data) == (303, first.location, first.data)
    assert supporter.purpose == "confirm"
    assert crowd.held() == [None, "robot"]
    supporter.act("confirm")
    assert supporter.total() == 0


def confirm_all(supporter: Supporter, crowd: Crowd, emails: Sequence[str]) -> None:
    """Sign from many networks and confirm, as the owners of the mailboxes do."""
    for number, email in enumerate(emails):
        before = {str(mail.params) for mail in supporter.mails()}
        assert crowd.sign(f"198.51.{number}.7", email=email).status_code == 303
        [mail] = [mail for mail in supporter.mails() if str(mail.params) not in before]
        supporter.token = mail.params["token"]
        assert supporter.act("confirm").status_code == 303


@pytest.mark.both_databases
def test_invented_mailboxes_of_an_organisation_do_not_keep_a_colleague_off_the_count(
    supporter: Supporter, crowd: Crowd
) -> None:
    for number in range(CONFIRMED_PER_LETTER + 3):
        crowd.sign(f"198.51.{number}.7", email=f"invented{number}@smallngo.example")

    confirm_all(supporter, crowd, ["real.colleague@smallngo.example"])

    assert supporter.total() == 1
    assert crowd.held() == [None] * (CONFIRMED_PER_LETTER + 4)


@pytest.mark.both_databases
def test_a_further_confirmed_mailbox_of_a_domain_is_held_in_any_process_and_organisers_are_told(
    make_app: Callable[[Settings], Flask],
    settings: Settings,
    supporter: Supporter,
    crowd: Crowd,
    organiser: OrganisersBrowser,
    clock: Clock,
) -> None:
    emails = [f"m{number}@sub{number}.catch-all.example" for number in range(CONFIRMED_PER_LETTER + 1)]
    confirm_all(supporter, crowd, emails[:-1])
    assert "above today’s threshold" not in organiser.get("/organise/").text
    another = make_app(settings)  # as after a restart
    supporter.client = crowd.client = another.test_client()
    supporter.site = crowd.site = another.extensions["campaign"]
    confirm_all(supporter, crowd, emails[-1:])
    page = supporter.page()

    assert supporter.total() == CONFIRMED_PER_LETTER
    assert crowd.held() == [None] * CONFIRMED_PER_LETTER + ["domain"]
    assert "Your signature is confirmed" in page.text
    assert "1 mail domain is above today’s threshold" in organiser.get("/organise/").text
    confirm_all(supporter, crowd, ["m1@good.example"])
    assert supporter.total() == CONFIRMED_PER_LETTER + 1
    clock.forward(days=1)
    confirm_all(supporter, crowd, ["another@catch-all.example"])
    assert supporter.total() == CONFIRMED_PER_LETTER + 2


@pytest.mark.parametrize("email", ["mara@mailinator.com", "mara@x.Mailinator.com"])
def test_a_mailbox_that_anybody_can_open_is_not_taken(crowd: Crowd, email: str) -> None:
    page = crowd.sign(email=email)

    assert page.status_code == 422
    assert "Anybody can open mailboxes of" in text(page)
    assert crowd.held() == []


def test_a_mailbox_gets_five_mails_a_day_however_it_is_spelt(supporter: Supporter, crowd: Crowd) -> None:
    spellings = ["m.ara@gmail.com", "MARA@gmail.com", "mara+a@gmail.com", "m.a.r.a@googlemail.com"]
    for number, email in enumerate([*spellings, *spellings]):
        assert crowd.sign(f"198.51.100.{number}", email=email).status_code == 303

    assert [mail.purpose for mail in supporter.mails()].count("confirm") == 5


def posts(app: Flask) -> list[str]:
    """Return the endpoints that take posts, but organisers', which test_locked_out.py is about."""
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    return sorted(each for each in endpoints if not each.startswith("organise."))


def test_every_post_that_is_open_to_everybody_has_a_limit_except_on_the_private_page(
    app: Flask, client: FlaskClient, site: Site, clock: Clock
) -> None:
    for kind in (SIGN, LINK):
        for _ in range(MOST_A_DAY):
            site.rate_limits.add(kind, HOME, clock())
    values = {"language": "en", "state": "de", "token": "0" * 20}
    app.config["WTF_CSRF_ENABLED"] = False

    answers = {}
    for endpoint in posts(app):
        [rule] = [each for each in app.url_map.iter_rules(endpoint) if "POST" in (each.methods or ())]
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], rule.rule)
        answers[endpoint] = client.post(path, data=FORM, environ_base={"REMOTE_ADDR": HOME})

    # Nobody guesses a token; a limit would keep people from withdrawing.
    assert answers.pop("signature.change").status_code == 404
    assert len(answers) >= 2
    assert {answer.status_code for answer in answers.values()} == {429}
    for page in answers.values():
        assert 0 < int(page.headers["Retry-After"]) <= 43_200
        assert "<h1" in text(page)


def test_asking_for_the_link_has_a_limit_of_its_own(
    crowd: Crowd, site: Site, supporter: Supporter, clock: Clock
) -> None:
    for _ in range(MOST_A_DAY):
        site.rate_limits.add(SIGN, "127.0.0.1", clock())

    assert crowd.client.post("/en/signature", data={"email": "mara@example.org"}).status_code == 303


def test_an_organiser_who_is_logged_in_has_no_limit(
    make_app: Callable[[Settings], Flask], settings: Settings, organiser: Any
) -> None:
    for _ in range(35):
        answered = organiser.post("/organise/account/organisation", name="", seat="", contact="")
        assert answered.status_code != 429


def test_no_address_of_a_client_is_written_anywhere(
    crowd: Crowd, site: Site, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    start_surge(crowd)
    crowd.sign()
    for _ in range(MOST_A_DAY):
        site.rate_limits.add(LINK, HOME, clock())
    asked = {"email": "mara@example.org"}
    limited = crowd.client.post("/en/signature", data=asked, environ_base={"REMOTE_ADDR": HOME})
    assert limited.status_code == 429

    assert "surge" in caplog.text
    with site.database.reading() as db:
        kept = [db.execute(select(table)).all() for table in Base.metadata.sorted_tables]
    for needle in ("203.0.113", HOME):
        assert needle not in caplog.text
        assert needle not in str(kept)
