"""Dates that pages promise: what is signed on the last day can be confirmed until the day that pages name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from flask import Flask

from campaign.settings import Settings
from campaign.signature.announcement import note_digests_erased
from campaign.web.site import Site
from tests.conftest import Clock
from tests.web.conftest import FORM, Supporter, text

pytestmark = pytest.mark.any_database

LAST_DAY = date(2027, 3, 8)
DEADLINE = "15 March 2027"
LAST_MOMENT = datetime(2027, 3, 8, 23, 59, 59, tzinfo=UTC)


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], settings: Settings, clock: Clock) -> Flask:
    clock.time = LAST_MOMENT
    return make_app(replace(settings, closes_on=LAST_DAY, confirmation_days=7))


def test_a_signature_of_the_last_second_can_be_confirmed_to_the_end_of_the_day_that_form_and_page_name(
    supporter: Supporter, clock: Clock
) -> None:
    form = text(supporter.client.get("/en/letters/de"))
    assert supporter.sign().status_code == 303
    assert supporter.mails()[0].params["until"] == "2027-03-15"
    page = text(supporter.page())

    assert f"by {DEADLINE}, 23:59 UTC" in form
    assert f"until {DEADLINE}, 23:59 UTC" in page

    clock.forward(days=1)
    assert supporter.client.post("/en/letters/de").status_code == 410
    assert f"until {DEADLINE}, 23:59 UTC" in text(supporter.page())

    clock.forward(days=6)
    assert supporter.act("confirm").status_code == 303
    assert supporter.total() == 1
    assert "Your signature is confirmed" in text(supporter.page())


def test_a_second_after_its_deadline_a_signature_cannot_be_confirmed(
    supporter: Supporter, clock: Clock
) -> None:
    supporter.sign()
    clock.forward(days=7, seconds=1)

    assert supporter.act("confirm").status_code in {404, 410}
    assert supporter.total() == 0


def test_letter_says_before_the_close_until_when_it_can_be_signed_and_after_it_what_is_possible(
    supporter: Supporter, clock: Clock
) -> None:
    supporter.sign()
    assert "8 March 2027" in text(supporter.client.get("/en/letters/de"))
    assert "UTC" in text(supporter.client.get("/en/letters/de"))
    clock.forward(seconds=2)
    for page in (supporter.client.get("/en/letters/de"), supporter.client.post("/en/letters/de", data=FORM)):
        assert "Signing ended on 8 March 2027, 23:59 UTC" in text(page)
        assert f"If you signed in time, you can confirm until {DEADLINE}, 23:59 UTC" in text(page)
    assert "Your signature was not taken" in text(page)
    clock.forward(days=7)

    over = text(supporter.client.get("/en/letters/de"))
    assert "Signing ended on 8 March 2027" in over
    assert "you can confirm" not in over


def test_a_link_that_was_not_confirmed_in_time_says_so_and_does_not_offer_to_sign(
    supporter: Supporter, clock: Clock
) -> None:
    supporter.sign()
    clock.forward(days=7, seconds=1)
    for page in (supporter.page(), supporter.client.post("/en/signature", data={"code": supporter.token})):
        assert page.status_code == 410
        assert "we have erased what was not confirmed in time" in text(page)
        assert "sign again" not in text(page)


def test_after_the_close_a_withdrawn_signature_is_not_invited_to_sign_again(
    supporter: Supporter, clock: Clock
) -> None:
    supporter.sign()
    supporter.act("confirm")
    supporter.act("withdraw")
    assert "you can sign again" in text(supporter.page())
    clock.forward(seconds=1)

    assert "you can sign again" not in text(supporter.page())


def test_once_digests_are_erased_no_link_is_promised(supporter: Supporter, site: Site) -> None:
    with site.database.writing() as db:
        note_digests_erased(db, LAST_DAY)
    site.snapshots.expire()
    before = len(supporter.mails())
    page = supporter.client.post("/en/signature", data={"email": "mara@example.org"})

    assert page.status_code == 410
    assert "we cannot find your signature by it any more" in text(page)
    assert 'name="email"' not in supporter.client.get("/en/signature").text
    assert len(supporter.mails()) == before
