"""Dates that pages promise: what is signed on the last day can be confirmed until the day that pages name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from flask import Flask

from campaign.settings import Settings
from tests.conftest import Clock
from tests.web.conftest import Supporter, text

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
