"""Each mail's link shows its own submission, and a button acts on what the page showed."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from campaign.mail.daily_limit import DOMAIN_AT_ONCE, DOMAIN_PAUSE, MAX_PER_DOMAIN, MailboxDay
from campaign.mail.outbox import OutboxMail
from campaign.signature.link import send_links
from campaign.signature.model import Signature
from campaign.web.site import Site
from tests.conftest import NOW, Clock
from tests.support.private_page import buttons, press
from tests.web.conftest import Supporter, text

pytestmark = pytest.mark.any_database


@pytest.mark.both_databases
def test_the_page_shows_what_its_link_belongs_to(supporter: Supporter) -> None:
    supporter.sign(name="A Stranger", words="Not my words.", town="Oldtown")
    strangers = supporter.page()
    supporter.sign(name="", disclosure="counted")
    owners = supporter.page()

    assert "A Stranger" in text(strangers)
    assert "Oldtown" in text(strangers)
    assert "Not my words." in text(strangers)
    assert "A Stranger" not in text(owners)
    assert "Nobody: no name is kept" in text(owners)


@pytest.mark.both_databases
def test_who_was_beaten_to_it_by_five_posts_can_confirm_the_sixth(
    supporter: Supporter, site: Site, clock: Clock
) -> None:
    links = []
    for number in range(5):
        supporter.sign(name=f"Stranger {number}", words="Not my words.")
        links.append(supporter.token)
        clock.forward(minutes=1)
    supporter.sign(name="", disclosure="counted")
    assert len([mail for mail in supporter.mails() if mail.params.get("token")]) == 5 + 1  # a decoy too

    supporter.token = links[4]
    page = supporter.page()
    assert "Stranger 4" in text(page)
    assert "Nobody: no name is kept" in text(page)
    own = next(sent for sent in buttons(page.get_data(as_text=True)) if sent["shown"].endswith(".counted"))
    assert own["action"] == "confirm"
    assert supporter.client.post(f"/en/signature/{supporter.token}", data=own).status_code == 303
    with site.database.reading() as db:
        [row] = db.scalars(select(Signature)).all()
    assert row.confirmed_on is not None
    assert (row.disclosure, row.sealed) == ("counted", None)


def send(supporter: Supporter, token: str, form: dict[str, str]) -> TestResponse:
    answer = supporter.client.post(f"/en/signature/{token}", data=form)
    supporter.site.snapshots.expire()
    return answer


def page_of(supporter: Supporter, token: str) -> str:
    return supporter.client.get(f"/en/signature/{token}").get_data(as_text=True)


@pytest.mark.both_databases
def test_a_later_submission_is_shown_beside_the_one_that_counts_and_may_replace_it(
    supporter: Supporter, site: Site
) -> None:
    supporter.sign(name="Mara Example", residence="FR")
    supporter.act("confirm")
    first = supporter.token
    supporter.sign(name="Mara Newname", residence="PL")
    page = supporter.page()

    assert "A later submission" in text(page)
    assert "Mara Newname" in text(page)
    assert {sent["action"] for sent in buttons(page.get_data(as_text=True))} == {"replace", "withdraw"}
    assert supporter.act("replace").status_code == 303
    assert "Your signature is confirmed" in text(supporter.page())
    assert supporter.total() == 1
    assert "another one of your mailbox was chosen in its place" in page_of(supporter, first)
    with site.database.reading() as db:
        [counting] = db.scalars(select(Signature).where(Signature.withdrawn_on.is_(None)))
    assert counting.residence == "PL"


def test_other_submissions_are_named_with_their_times(supporter: Supporter, clock: Clock) -> None:
    for minute in range(3):
        supporter.sign(name=f"Number {minute}")
        clock.forward(minutes=1)
    page = text(supporter.page())

    assert "Number 2" in page
    assert "2 other submissions wait for this letter" in page
    assert "23 November 2026, 12:00 UTC" in page
    assert "23 November 2026, 12:01 UTC" in page
    assert "Number 1" not in page


@pytest.mark.parametrize("action", ["replace", "withdraw", "disclose"])
@pytest.mark.parametrize("shown", [None, "", "de", "de.x.confirmed..delegation"])
def test_a_button_that_does_not_say_what_its_page_showed_asks_again(
    supporter: Supporter, action: str, shown: str | None
) -> None:
    supporter.sign()
    supporter.act("confirm")
    form = {"action": action, "disclosure": "counted"} | ({} if shown is None else {"shown": shown})
    answer = send(supporter, supporter.token, form)

    assert answer.status_code == 409
    assert "Nothing was done" in text(answer)
    assert supporter.total() == 1


def test_confirming_needs_no_page_while_nothing_else_happened(supporter: Supporter) -> None:
    supporter.sign()
    assert send(supporter, supporter.token, {"action": "confirm"}).status_code == 303
    assert send(supporter, supporter.token, {"action": "confirm"}).status_code == 303
    supporter.sign()
    assert send(supporter, supporter.token, {"action": "confirm"}).status_code == 409

    assert supporter.total() == 1


@pytest.mark.both_databases
@pytest.mark.parametrize("action", ["withdraw", "disclose"])
def test_a_page_from_before_a_replacement_does_not_touch_the_new_signature(
    supporter: Supporter, site: Site, action: str
) -> None:
    supporter.sign()
    supporter.act("confirm")
    first, old = supporter.token, press(page_of(supporter, supporter.token), action)
    supporter.sign(name="Mara Newname")
    supporter.act("replace")

    answer = send(supporter, first, old | {"disclosure": "counted"})
    assert (answer.status_code, supporter.total()) == (409, 1)
    with site.database.reading() as db:
        [counting] = db.scalars(select(Signature).where(Signature.withdrawn_on.is_(None)))
    assert counting.disclosure == "delegation"


def test_of_two_pages_opened_before_only_the_first_button_confirms(supporter: Supporter) -> None:
    supporter.sign(name="A Stranger")
    stranger = supporter.token, press(page_of(supporter, supporter.token), "confirm")
    supporter.sign(name="", disclosure="counted")
    owner = supporter.token, press(page_of(supporter, supporter.token), "confirm")

    assert send(supporter, *owner).status_code == 303
    answer = send(supporter, *stranger)
    assert answer.status_code == 409
    assert "Nobody: no name is kept" in text(answer)
    assert "another one of your mailbox was chosen" in text(answer)


def test_a_link_sent_again_does_not_confirm_what_it_cannot_show(supporter: Supporter, site: Site) -> None:
    supporter.sign(name="A Stranger")
    with site.database.writing() as db:
        send_links(db, "mara@example.org", language="en", keys=site.keys, now=NOW)
    [[_state, token]] = next(mail.params["links"] for mail in supporter.mails() if mail.purpose == "links")
    page = page_of(supporter, token)

    assert "A Stranger" not in page
    assert [sent["action"] for sent in buttons(page)] == ["withdraw"]
    forged = press(page, "withdraw") | {"action": "confirm"}
    assert send(supporter, token, forged).status_code == 409
    assert supporter.total() == 0


def test_of_one_link_that_opens_two_letters_each_has_its_page(supporter: Supporter) -> None:
    for _ in range(5):
        supporter.sign("de")
    last = supporter.token
    supporter.sign("fr", name="Mara Example", email="mara+tag@example.org")
    page = supporter.client.get(f"/en/signature/{last}?letter=fr").get_data(as_text=True)

    assert "This link opens several letters" in page
    answer = send(supporter, last, press(page, "confirm"))
    assert answer.location == f"/en/signature/{last}?done=confirm&letter=fr"
    assert "Your signature is confirmed" in text(supporter.client.get(answer.location))
    assert supporter.client.get("/counts.json").get_json()["states"] == {"fr": 1}


def due(site: Site) -> list[timedelta]:
    """Return how long each mail waits before it is due."""
    with site.database.reading() as db:
        times = db.scalars(select(OutboxMail.due_at).order_by(OutboxMail.due_at))
        return [moment - NOW for moment in times]


@pytest.mark.both_databases
def test_tags_bring_no_further_mails(supporter: Supporter) -> None:
    for number in range(8):
        supporter.sign(email=f"victim+{number}@corp.example")

    assert [mail.purpose for mail in supporter.mails()].count("confirm") == 5


def test_many_mails_to_an_owned_domain_leave_slowly_until_they_are_confirmed(
    supporter: Supporter, site: Site
) -> None:
    tokens = []
    for number in range(DOMAIN_AT_ONCE + 3):
        supporter.sign(email=f"victim{number}@mail.corp.example")
        tokens.append(supporter.token)
    delays = [DOMAIN_PAUSE * number for number in range(1, 4)]
    assert due(site) == [timedelta()] * DOMAIN_AT_ONCE + delays
    supporter.sign(email="somebody@gmail.com")
    assert due(site).count(timedelta()) == DOMAIN_AT_ONCE + 1

    for token in tokens[:10]:
        supporter.token = token
        supporter.act("confirm")
    supporter.sign(email="colleague@corp.example")
    assert due(site).count(timedelta()) == DOMAIN_AT_ONCE + 2


def test_beyond_the_bound_of_a_domain_signing_says_when_to_try_again(
    supporter: Supporter, site: Site
) -> None:
    supporter.sign(email="victim@corp.example")
    with site.database.writing() as db:
        db.execute(update(MailboxDay).values(sent=MAX_PER_DOMAIN))
    answer = supporter.sign(email="colleague@corp.example", name="Mara Example")

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "Mara Example" in answer.get_data(as_text=True)
    assert supporter.sign(email="somebody@else.example").status_code == 303
