import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from campaign.delivery import delegation, notice, send
from campaign.delivery.delegation import Address
from campaign.delivery.model import Delivery
from campaign.delivery.order import Order, Sender
from campaign.disclosure import safety_list
from campaign.disclosure.safety_list import Change
from campaign.organiser.account import Unlocked
from campaign.organiser.organisation import Organisation, save_organisation
from campaign.reference.participating_state import STATES
from campaign.sealing.code import grouped
from campaign.settings import Settings
from campaign.signature.announcement import note_names_erased
from campaign.signature.erase import erase_personal_data
from campaign.signature.model import HOLD_REASONS, Signature
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.factories import decide
from tests.support.private_page import press
from tests.support.relay import relay
from tests.web.conftest import Supporter

pytestmark = pytest.mark.any_database


def test_opening_the_link_does_not_confirm(supporter: Supporter) -> None:
    supporter.sign()
    answer = supporter.page()

    assert answer.status_code == 200
    assert 'value="confirm"' in answer.get_data(as_text=True)
    assert supporter.total() == 0


@pytest.mark.both_databases
def test_confirming_moves_the_count_and_thanks(supporter: Supporter) -> None:
    supporter.sign()
    answer = supporter.act("confirm")

    assert answer.status_code == 303
    assert supporter.total() == 1
    page = supporter.page().get_data(as_text=True)
    assert "Your signature is confirmed" in page
    assert "<svg" in page


def test_a_double_click_counts_once(supporter: Supporter) -> None:
    supporter.sign()
    supporter.act("confirm")
    assert supporter.act("confirm").status_code == 303

    assert supporter.total() == 1


@pytest.mark.both_databases
def test_withdrawing_moves_it_back(supporter: Supporter) -> None:
    supporter.sign()
    supporter.act("confirm")
    supporter.act("withdraw")

    assert supporter.total() == 0
    assert "withdrawn" in supporter.page().get_data(as_text=True)


def test_a_signature_erased_before_it_was_confirmed_is_not_said_to_be_withdrawn(supporter: Supporter) -> None:
    supporter.sign()
    supporter.act("withdraw")
    page = supporter.page().get_data(as_text=True)

    assert "Your submission is erased" in page
    assert "It never counted" in page
    assert "withdrawn" not in page


def test_the_private_page_is_not_cached(supporter: Supporter) -> None:
    supporter.sign()
    headers = supporter.page().headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Accel-Buffering"] == "no"
    assert headers["X-Robots-Tag"] == "noindex"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.both_databases
def test_who_may_see_the_name_can_be_changed(supporter: Supporter, site: Site) -> None:
    supporter.sign()
    supporter.act("confirm")
    assert supporter.act("disclose", disclosure="counted").status_code == 303

    with site.database.reading() as db:
        assert db.scalars(select(Signature)).one().sealed is None
    assert supporter.act("disclose", disclosure="public").status_code == 422


@pytest.mark.parametrize(
    "form", [{}, {"action": "erase"}, {"action": "disclose", "disclosure": "all"}, {"action": "disclose"}]
)
def test_an_unknown_action_or_choice_is_refused(supporter: Supporter, form: dict[str, str]) -> None:
    supporter.sign()
    supporter.act("confirm")

    assert supporter.client.post(f"/en/signature/{supporter.token}", data=form).status_code == 422


@pytest.mark.parametrize("token", ["0" * 20, "nonsense", "%00", "A" * 500])
def test_a_token_that_nobody_was_sent_is_not_found(visitor: FlaskClient, token: str) -> None:
    assert visitor.get(f"/en/signature/{token}").status_code == 404
    assert visitor.post(f"/en/signature/{token}", data={"action": "confirm"}).status_code == 404
    for action in ("confirm", "replace", "disclose", "withdraw"):
        for shown in ({"shown": "x"}, {"shown": "x", "letters": "de"}, {}):
            sent = {"action": action, "disclosure": "counted", **shown}
            assert visitor.post(f"/en/signature/{token}", data=sent).status_code == 404, sent


def test_a_link_that_is_too_old_says_how_to_get_another(supporter: Supporter, clock: Clock) -> None:
    supporter.sign()
    clock.forward(days=8)
    answer = supporter.page()

    assert answer.status_code == 404
    assert 'name="email"' in answer.get_data(as_text=True)
    assert supporter.act("confirm").status_code == 404


def test_the_code_may_be_typed_by_hand(supporter: Supporter) -> None:
    supporter.sign()
    token = supporter.token
    typed = f" {token[:4]}-{token[4:8]} {token[8:]}".lower()
    answer = supporter.client.post("/en/signature", data={"code": typed})

    assert answer.status_code == 303
    assert answer.location == f"/en/signature/{token}"


@pytest.mark.parametrize(
    ("form", "status"), [({}, 422), ({"code": "123"}, 422), ({"code": "0" * 20}, 404), ({"email": "x"}, 422)]
)
def test_an_unknown_code_is_refused(visitor: FlaskClient, form: dict[str, str], status: int) -> None:
    assert visitor.post("/en/signature", data=form).status_code == status


def test_asking_for_the_link_answers_the_same_for_any_address(supporter: Supporter) -> None:
    supporter.sign()
    known = supporter.client.post("/en/signature", data={"email": "mara@example.org"})
    unknown = supporter.client.post("/en/signature", data={"email": "nobody@example.org"})

    assert (known.status_code, known.location, known.data) == (
        unknown.status_code,
        unknown.location,
        unknown.data,
    )
    assert known.status_code == 303
    assert [mail.purpose for mail in supporter.mails()].count("asked") == 2
    assert supporter.client.get(known.location).status_code == 200


def test_after_the_close_one_can_still_withdraw(
    supporter: Supporter, site: Site, clock: Clock, make_app: Callable[[Settings], Flask]
) -> None:
    supporter.sign()
    supporter.act("confirm")
    closes_on = clock().date()
    clock.forward(days=2)
    late = make_app(replace(site.settings, closes_on=closes_on)).test_client()

    assert late.post("/en/letters/de", data={}).status_code == 410
    link = f"/en/signature/{supporter.token}"
    assert late.post(link, data=press(late.get(link).get_data(as_text=True), "withdraw")).status_code == 303
    assert supporter.total() == 0


@pytest.mark.both_databases
def test_who_signed_in_time_may_confirm_until_the_day_that_the_page_names(
    supporter: Supporter, site: Site, clock: Clock, make_app: Callable[[Settings], Flask]
) -> None:
    supporter.sign()
    late = make_app(replace(site.settings, closes_on=clock().date())).test_client()
    clock.forward(days=site.settings.confirmation_days)
    page = late.get(f"/en/signature/{supporter.token}")

    assert "You can confirm it until 30 November 2026, 23:59 UTC" in text(page)
    assert 'value="confirm"' in text(page)
    assert late.post(f"/en/signature/{supporter.token}", data={"action": "confirm"}).status_code == 303
    assert supporter.total() == 1


def test_what_was_signed_after_the_close_cannot_be_confirmed(
    supporter: Supporter, site: Site, clock: Clock, make_app: Callable[[Settings], Flask]
) -> None:
    supporter.sign()
    closes_on = (clock() - timedelta(days=1)).date()
    late = make_app(replace(site.settings, closes_on=closes_on)).test_client()

    assert 'value="confirm"' not in text(late.get(f"/en/signature/{supporter.token}"))
    assert late.post(f"/en/signature/{supporter.token}", data={"action": "confirm"}).status_code == 410
    assert supporter.total() == 0


def text(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


def deliver(site: Site, owner: Unlocked, clock: Clock, state: str = "de") -> Delivery:
    """Send the letter to *state* with its list, through a relay of its own."""
    with site.database.writing() as db:
        save_organisation(db, Organisation("Made-up House", "Nowhere", "office@example.org"))
        address = Address(state, f"{state}@missions.example.org", "a call", clock().date())
        delegation.save(db, address, by="Olga Organiser", now=clock())
    with relay() as post_office:
        sender = Sender(
            database=site.database,
            settings=replace(site.settings, smtp_url=post_office.url),
            appeal=site.appeal,
            organiser=owner,
            clock=clock,
        )
        return send.send(sender, Order(delivery_id=uuid4(), state=STATES[state]))


@pytest.mark.both_databases
def test_the_private_page_shows_all_stored_data(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    app = make_app(replace(settings, closes_on=date(2027, 6, 30)))
    supporter = Supporter(app.test_client(), app.extensions["campaign"])
    supporter.sign(town="Smalltown", words="My very own words.", residence="RU")
    supporter.act("confirm")
    stored = text(supporter.page()).partition('id="kept"')[2].partition("</details>")[0]

    for shown in (
        "23 November 2026",
        "Russian Federation",
        "Edition 1, English",
        "Sealed, as far as you gave them",
        "No organiser has read them yet",
        "The delegation only",
        "It is deleted on 8 July 2027",
        "1, from a mail of ours",
        "erased on 30 December 2027",
    ):
        assert shown in stored
    for sealed in ("Mara", "mara@", "Smalltown", "My very own words"):
        assert sealed not in stored


def test_the_private_page_says_when_a_pending_signature_is_erased(supporter: Supporter, clock: Clock) -> None:
    supporter.sign()
    page = text(supporter.page())
    assert "erased on 1 December 2026" in page

    clock.forward(days=7)
    assert supporter.page().status_code == 200
    clock.forward(days=1)
    assert supporter.page().status_code == 404


def test_a_counted_signature_has_no_box(supporter: Supporter) -> None:
    supporter.sign(disclosure="counted")
    supporter.act("confirm")
    page = text(supporter.page())

    assert "Sealed, as far as you gave them" not in page
    assert "nothing is left that could be opened" in page


def test_a_delivered_list_is_shown_with_the_number_of_the_name(
    supporter: Supporter, site: Site, owner: Unlocked, clock: Clock
) -> None:
    supporter.sign(email="first@example.org")
    supporter.act("confirm")
    first = supporter.token
    supporter.sign(email="counted@example.org", disclosure="counted")
    supporter.act("confirm")
    counted = supporter.token
    delivery = deliver(site, owner, clock)
    link = f"/en/verify/{delivery.code}"

    page = text(supporter.client.get(f"/en/signature/{first}"))
    assert page.count(f'href="{link}"') == 2
    assert "23 November 2026, number 1" in page
    assert "we cannot take those back" in page
    assert link not in text(supporter.client.get(f"/en/signature/{counted}"))
    assert supporter.client.get(link).status_code == 200


@pytest.mark.both_databases
def test_after_a_delivery_a_change_applies_to_later_lists_and_a_withdrawal_says_what_stays(
    supporter: Supporter, site: Site, owner: Unlocked, clock: Clock
) -> None:
    supporter.sign()
    supporter.act("confirm")
    delivery = deliver(site, owner, clock)

    supporter.act("disclose", disclosure="public")
    assert f"/en/verify/{delivery.code}" in text(supporter.page())
    supporter.act("withdraw")
    page = text(supporter.page())

    assert "Your signature is withdrawn" in page
    assert "23 November 2026, number 1" in page
    assert "ask the delegation to strike out that number" in page
    assert "identifies nobody" in page

    with site.database.writing() as db:
        notice.record_notified(db, delivery.id, [1], on=clock().date())
    assert "The delegation was asked on 23 November 2026 to strike it out" in text(supporter.page())


def test_the_name_of_an_endangered_resident_cannot_be_published(supporter: Supporter, site: Site) -> None:
    supporter.sign(residence="KZ", disclosure="delegation", advised="yes")
    supporter.act("confirm")

    assert 'value="public"' not in text(supporter.page())
    refused = supporter.act("disclose", disclosure="public")
    assert refused.status_code == 422
    assert "so we publish none" in text(refused)
    with site.database.reading() as db:
        assert db.scalars(select(Signature.disclosure)).all() == ["delegation"]
    assert supporter.act("disclose", disclosure="counted").status_code == 303


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_a_held_signature_looks_like_any_other(supporter: Supporter, site: Site, is_confirmed: bool) -> None:
    pages = set()
    for hold in (None, *HOLD_REASONS):
        supporter.sign("fr", email=f"{hold}@example.org", disclosure="public", words="Please.")
        with site.database.writing() as db:
            for row in db.scalars(select(Signature).where(Signature.confirmed_on.is_(None))):
                decide(db, row, held_for=hold)
        if is_confirmed:
            supporter.act("confirm")
        page = text(supporter.client.get(f"/en/signature/{supporter.token}?done=confirm"))
        page = re.sub(r'(name="shown" value=")[^"]*', r"\1", page)
        pages.add(page.replace(supporter.token, "").replace(grouped(supporter.token), ""))
        if not is_confirmed:
            supporter.act("withdraw")

    [page] = pages
    for said in ("no longer counts", "the counts can be", "A mailbox counts once"):
        page = page.replace(said, "")
    assert "counts" not in page


def test_the_page_of_an_invalidated_signature_says_so_and_how_to_object(
    supporter: Supporter, site: Site
) -> None:
    with site.database.writing() as db:
        save_organisation(db, Organisation("Made-up House", "Nowhere", "office@example.org"))
    supporter.sign()
    supporter.act("confirm")
    with site.database.writing() as db:
        db.execute(update(Signature).values(invalidation_id=uuid4()))
    page = text(supporter.page())

    assert "Your signature does not count" in page
    assert "An organiser took this signature off the count" in page
    assert "is confirmed" not in page
    assert 'Made-up House, <a href="mailto:office@example.org">' in page
    assert supporter.act("withdraw").status_code == 303


TOKEN = re.compile(r"[0-9A-HJKMNP-TV-Z]{20}")


@pytest.mark.both_databases
def test_no_url_has_private_data_but_the_token(supporter: Supporter, site: Site) -> None:
    private = {"name": "Mara Example", "email": "mara@example.org", "town": "Smalltown", "words": "Look."}
    answers = [
        supporter.sign(**private, residence="KZ"),
        supporter.sign(**private, residence="KZ", advised="yes"),
        supporter.client.post("/en/letters/de", data={"advised": "show", "residence": "KZ"}),
        supporter.act("confirm"),
        supporter.page(),
        supporter.act("disclose", disclosure="counted"),
        supporter.client.post("/en/signature", data={"email": "mara@example.org"}),
        supporter.client.post("/en/signature", data={"code": supporter.token}),
        supporter.client.post("/en/signature", data={"email": "mara@"}),
        supporter.act("withdraw"),
        supporter.page(),
    ]
    for answer in answers:
        page = text(answer)
        addresses = [answer.location or "", *re.findall(r'(?:href|action|src)="([^"]*)"', page)]
        for address in addresses:
            rest = TOKEN.sub("", address)  # random characters could spell anything
            rest = rest.removeprefix("/en/letters/kz")  # each form offers all letters
            assert not re.search(r"mara|example\.org|smalltown|look|KZ|advised", rest, re.IGNORECASE)
        for form in re.findall(r"<form[^>]*>.*?</form>", page, re.DOTALL):
            assert 'method="post"' in form.partition(">")[0]
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_delivery_with_names_is_verified_as_such_after_names_are_withheld(
    supporter: Supporter, site: Site, owner: Unlocked, clock: Clock
) -> None:
    supporter.sign()
    supporter.act("confirm")
    delivery = deliver(site, owner, clock)
    with site.database.writing() as db:
        wanted = Change(withhold=frozenset({"de"}))
        safety_list.change(db, site.appeal, wanted, by="Olga Organiser", now=clock())
    clock.forward(seconds=2)

    page = text(supporter.client.get(f"/en/verify/{delivery.code}"))
    assert "numbers only" not in page
    assert "The organisers only" in text(supporter.page())


def test_after_the_final_erasure_a_link_says_what_was_erased_and_when(
    supporter: Supporter, site: Site
) -> None:
    supporter.sign()
    supporter.act("confirm")
    with site.database.writing() as db:
        note_names_erased(db, date(2027, 6, 30))
        for _rows in erase_personal_data(db):
            pass
    by_link = supporter.page()
    by_code = supporter.client.post("/en/signature", data={"code": supporter.token})

    for answer in (by_link, by_code):
        assert answer.status_code == 404
        assert "On 30 June 2027" in answer.get_data(as_text=True)
        assert "not confirmed in time" not in answer.get_data(as_text=True)
