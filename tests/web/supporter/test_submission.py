"""Each mail's link shows its own submission, and a button acts on what the page showed."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from campaign.guard.network import prefix
from campaign.guard.threshold import FIRST_MAILS
from campaign.mail import daily_limit
from campaign.mail.daily_limit import DOMAIN_AT_ONCE, DOMAIN_PAUSE, FIRST_WAIT, MAILS_A_DAY, MailboxDay
from campaign.mail.outbox import OutboxMail
from campaign.mail.retry import LIFETIME
from campaign.signature.link import send_links
from campaign.signature.model import Signature
from campaign.web.site import Site
from campaign.web.supporter.admission import MAIL
from tests.conftest import NOW, Clock
from tests.support.private_page import buttons, press
from tests.web.conftest import FORM, Supporter, rows, text

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
    assert "No one: we keep no name" in text(owners)


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
    assert "No one: we keep no name" in text(page)
    own = next(sent for sent in buttons(page.get_data(as_text=True)) if sent["shown"].endswith(".counted"))
    assert own["action"] == "confirm"
    assert supporter.client.post(f"/en/signature/{supporter.token}", data=own).status_code == 303
    with site.database.reading() as db:
        [row] = db.scalars(select(Signature)).all()
    assert row.confirmed_on is not None
    assert (row.disclosure, row.sealed) == ("counted", None)


def counting_of(page: str) -> dict[str, str]:
    """Return what a button about the signature that counts sends."""
    return next(sent for sent in buttons(page) if ".confirmed." in sent["shown"])


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

    assert "An earlier submission of yours counts" in text(page)
    assert "Mara Newname" in text(page)
    assert {sent["action"] for sent in buttons(page.get_data(as_text=True))} == {"replace", "withdraw"}
    assert supporter.act("replace").status_code == 303
    assert "Your signature is confirmed" in text(supporter.page())
    assert supporter.total() == 1
    assert "Another signature from your mailbox counts" in page_of(supporter, first)
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
    assert "Another signature from your mailbox counts" in text(answer)


def test_a_link_sent_again_does_not_confirm_what_it_cannot_show(supporter: Supporter, site: Site) -> None:
    supporter.sign(name="A Stranger")
    with site.database.writing() as db:
        send_links(db, "mara@example.org", language="en", keys=site.keys, is_sensitive=bool, now=NOW)
    token = next(mail.params["token"] for mail in supporter.mails() if mail.purpose == "links")
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
    supporter.sign("fr", name="Mara Example", email="Mara@example.org")
    page = supporter.client.get(f"/en/signature/{last}?letter=fr").get_data(as_text=True)

    assert "My 2 letters" in page
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

    assert [mail.purpose for mail in supporter.mails()].count("confirm") == 4


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the mean of all delays each time."""
    monkeypatch.setattr(daily_limit, "random_factor", lambda: 1.0)


def count_for_domain(site: Site, number: int) -> None:
    """Let this many mails to the one domain be counted today."""
    with site.database.writing() as db:
        db.execute(update(MailboxDay).where(MailboxDay.link == b"").values(sent=number))


def use_up_the_first(supporter: Supporter, address: str, domain: str) -> None:
    """Continue from a network that has signed often under *domain*."""
    supporter.client.environ_base["REMOTE_ADDR"] = address
    for _ in range(FIRST_MAILS.per_day.highest):
        supporter.site.rate_limits.add_for(MAIL, prefix(address) + domain.encode(), NOW)


def test_the_arrival_of_a_mail_does_not_tell_how_many_signed_under_its_domain(
    supporter: Supporter, site: Site
) -> None:
    supporter.sign(email="anybody@corp.example")
    for who in ("first", "later"):
        for at in range(3):
            count_for_domain(site, 1_000)
            supporter.sign(email=f"{who}{at}@corp.example")
        use_up_the_first(supporter, "127.0.0.1", "corp.example")

    assert len({*due(site)}) == 1 + 3 + 3, "each delay is drawn by itself, capped or not"


@pytest.mark.usefixtures("steady")
@pytest.mark.both_databases
def test_many_mails_to_an_owned_domain_leave_slowly_and_confirming_brings_none_forward(
    supporter: Supporter, site: Site
) -> None:
    use_up_the_first(supporter, "198.51.100.7", "corp.example")
    supporter.sign(email="victim@mail.corp.example")
    count_for_domain(site, DOMAIN_AT_ONCE - 1)
    for number in range(3):
        supporter.sign(email=f"victim{number}@corp.example")
    assert due(site) == [timedelta()] * 2 + [DOMAIN_PAUSE, DOMAIN_PAUSE * 2]

    supporter.act("confirm")
    supporter.sign(email="colleague@corp.example")
    assert due(site)[-1] == DOMAIN_PAUSE * 3


def test_no_answer_tells_how_many_others_wait_under_a_domain(supporter: Supporter, site: Site) -> None:
    supporter.sign(email="anna@family.example")
    anna = supporter.token
    answers = []
    for number in (499, 500, 501, 10**6):
        count_for_domain(site, number)
        answer = supporter.sign(email="probe@family.example")
        answers.append((answer.status_code, answer.location))
    supporter.token = anna
    supporter.act("confirm")
    answer = supporter.sign(email="probe@family.example")

    assert {*answers, (answer.status_code, answer.location)} == {(303, "/en/check-your-mail")}


@pytest.mark.usefixtures("steady")
def test_a_flood_from_one_network_makes_a_colleague_wait_ten_minutes_at_most(
    supporter: Supporter, site: Site
) -> None:
    supporter.sign(email="anybody@corp.example")
    use_up_the_first(supporter, "198.51.100.7", "corp.example")
    count_for_domain(site, 1_000)
    supporter.sign(email="flooder@corp.example")
    supporter.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    for number in range(4):
        supporter.sign(email=f"colleague{number}@mail.corp.example")

    end = DOMAIN_PAUSE * (1_001 - DOMAIN_AT_ONCE)
    assert due(site) == [timedelta(), *[FIRST_WAIT / 2] * 4, end]
    assert timedelta(minutes=10) >= FIRST_WAIT


@pytest.mark.usefixtures("steady")
def test_the_first_of_a_network_are_counted_for_each_domain(supporter: Supporter, site: Site) -> None:
    supporter.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    supporter.sign(email="anybody@corp.example")
    count_for_domain(site, 1_000)
    for _ in range(FIRST_MAILS.per_day.highest):
        site.rate_limits.add_for(MAIL, prefix("203.0.113.9") + b"other.example", NOW)
    for _ in range(3):
        supporter.sign(email="colleague@corp.example")
    for _ in range(FIRST_MAILS.per_day.highest - 4):
        site.rate_limits.add_for(MAIL, prefix("203.0.113.9") + b"corp.example", NOW)
    supporter.sign(email="last@corp.example")

    assert due(site)[-2] == FIRST_WAIT / 2
    assert due(site)[-1] > FIRST_WAIT


@pytest.mark.usefixtures("steady")
def test_a_mail_whose_turn_comes_after_its_life_is_not_sent(supporter: Supporter, site: Site) -> None:
    use_up_the_first(supporter, "198.51.100.7", "corp.example")
    supporter.sign(email="first@corp.example")
    count_for_domain(site, DOMAIN_AT_ONCE + LIFETIME // DOMAIN_PAUSE - 2)
    supporter.sign(email="last@corp.example")
    assert due(site)[-1] == LIFETIME - DOMAIN_PAUSE

    assert supporter.sign(email="late@corp.example").status_code == 303
    assert sorted(mail.purpose for mail in supporter.mails()) == ["confirm", "confirm", "decoy"]
    assert max(due(site)) == LIFETIME - DOMAIN_PAUSE


@pytest.mark.usefixtures("steady")
def test_a_flooded_domain_delays_a_mailbox_s_last_mail_by_ten_minutes_at_most(
    supporter: Supporter, site: Site
) -> None:
    supporter.sign(email="anybody@corp.example")
    use_up_the_first(supporter, "198.51.100.7", "corp.example")
    count_for_domain(site, 10**5)
    for _ in range(MAILS_A_DAY):
        supporter.sign(email="victim@corp.example")
    last = supporter.mails()
    supporter.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    supporter.sign(email="victim@corp.example", name="The Owner")

    assert [mail.purpose for mail in last].count("confirm") == 2  # anybody's, and the victim's fifth
    assert due(site)[-1] == FIRST_WAIT / 2
    [link] = [mail for mail in supporter.mails() if mail.params["is_last"]]
    supporter.token = link.params["token"]
    assert "The Owner" in text(supporter.page())


@pytest.mark.both_databases
@pytest.mark.parametrize("action", ["withdraw", "disclose"])
def test_a_page_from_before_a_replacement_under_the_days_last_link_withdraws_nothing(
    supporter: Supporter, action: str
) -> None:
    for _ in range(MAILS_A_DAY):
        supporter.sign()
    last = supporter.token
    send(supporter, last, press(page_of(supporter, last), "confirm"))
    supporter.sign(name="Mara Newname")
    old = counting_of(page_of(supporter, last)) | {"action": action}
    assert send(supporter, last, press(page_of(supporter, last), "replace")).status_code == 303

    answer = send(supporter, last, old | {"disclosure": "counted"})

    assert (answer.status_code, supporter.total()) == (409, 1)
    assert "Nothing was done" in text(answer)


def test_a_double_click_on_withdraw_is_done_once_and_said_twice(supporter: Supporter) -> None:
    for _ in range(MAILS_A_DAY):
        supporter.sign()
    last = supporter.token
    send(supporter, last, press(page_of(supporter, last), "confirm"))
    supporter.sign(name="Mara Newname")
    page = page_of(supporter, last)
    pending = next(sent for sent in buttons(page) if ".pending." in sent["shown"]) | {"action": "withdraw"}
    counting = counting_of(page) | {"action": "withdraw"}

    assert [send(supporter, last, pending).status_code for _ in range(2)] == [303, 303]
    assert supporter.total() == 1
    assert [send(supporter, last, counting).status_code for _ in range(2)] == [303, 303]
    assert supporter.total() == 0


def test_a_form_that_stood_under_another_text_signs_nothing_and_keeps_what_was_typed(
    client: FlaskClient, site: Site
) -> None:
    page = client.get("/en/letters/de").text
    opened = FORM | {"shown": re.findall('name="shown" value="([^"]+)"', page)[0]}
    content = site.snapshots.content
    english = content.letters["en"]
    other = replace(english, text=english.text.replace("Excellency", "Your Excellency"))
    site.snapshots.content = replace(content, letters={**content.letters, "en": other})
    site.snapshots.expire()

    answer = client.post("/en/letters/de", data=opened)

    assert answer.status_code == 409
    assert "something has changed since this page was opened" in answer.text
    assert "Your Excellency" in answer.text
    assert re.search(r'<input[^>]* name="name"[^>]* value="Mara Example"', answer.text)
    assert not re.search(r'name="consent"[^>]* checked', answer.text)
    assert rows(site)["signature"] == rows(site)["outbox"] == []
    read = FORM | {"shown": re.findall('name="shown" value="([^"]+)"', answer.text)[0]}
    assert client.post("/en/letters/de", data=read).status_code == 303
