"""How long mails under an organisation's domain wait: a flood is slowed, and no delay tells a number."""

from datetime import timedelta

import pytest

from campaign.mail.daily_limit import DOMAIN_AT_ONCE, DOMAIN_PAUSE, FIRST_WAIT, domain_delay

pytestmark = pytest.mark.any_database

DRAWS = 2_000


def delays(excess: int, *, is_soon: bool = False) -> list[timedelta]:
    return [domain_delay(DOMAIN_AT_ONCE + excess, is_soon=is_soon) for _ in range(DRAWS)]


def mean(found: list[timedelta]) -> timedelta:
    return sum(found, timedelta()) / len(found)


def test_the_first_mails_of_a_day_leave_at_once() -> None:
    assert {*delays(0), *delays(-5), *delays(0, is_soon=True)} == {timedelta()}


@pytest.mark.parametrize("is_soon", [False, True])
@pytest.mark.parametrize("excess", [1, 20])
def test_each_delay_is_drawn_and_their_mean_is_the_pace(excess: int, is_soon: bool) -> None:
    found, pace = delays(excess, is_soon=is_soon), DOMAIN_PAUSE * excess

    assert timedelta() <= min(found) < pace * 0.05
    assert pace * 1.95 < max(found) < pace * 2
    assert pace * 0.9 < mean(found) < pace * 1.1


def test_those_that_wait_briefly_are_drawn_below_their_longest_wait() -> None:
    for excess in (100, 100_000):
        found = delays(excess, is_soon=True)
        assert FIRST_WAIT * 0.95 < max(found) < FIRST_WAIT
        assert FIRST_WAIT * 0.45 < mean(found) < FIRST_WAIT * 0.55


def test_one_arrival_fits_many_numbers() -> None:
    few, many = delays(5), delays(10)

    assert sum(1 for delay in many if delay < DOMAIN_PAUSE * 10) > DRAWS * 0.4
    assert max(few) > mean(many) * 0.9
