"""Surge detection."""

from campaign.guard.surge import SurgeDetector
from campaign.guard.threshold import SURGE_PER_MINUTE
from tests.conftest import Clock


def start_surge(clock: Clock) -> SurgeDetector:
    surge = SurgeDetector()
    assert [surge.add(clock()) for _ in range(SURGE_PER_MINUTE + 1)] == [False] * SURGE_PER_MINUTE + [True]
    return surge


def test_more_signatures_a_minute_than_the_threshold_start_one_surge(clock: Clock) -> None:
    surge = start_surge(clock)

    assert surge.is_surge(clock())
    assert not surge.add(clock())


def test_a_surge_lasts_while_signatures_come_fast_and_ten_minutes_longer(clock: Clock) -> None:
    surge = start_surge(clock)
    for _ in range(SURGE_PER_MINUTE * 20):
        clock.forward(seconds=1)
        assert not surge.add(clock())
        assert surge.is_surge(clock())

    clock.forward(minutes=9)
    assert surge.is_surge(clock())
    clock.forward(minutes=2)
    assert not surge.is_surge(clock())


def test_a_surge_is_over_in_time_though_the_clock_was_set_back(clock: Clock) -> None:
    surge = start_surge(clock)
    clock.forward(hours=-1)

    assert not surge.is_surge(clock())


def test_a_surge_starts_again_after_the_clock_was_set_back(clock: Clock) -> None:
    surge = start_surge(clock)
    clock.forward(hours=-1)

    assert any(surge.add(clock()) for _ in range(SURGE_PER_MINUTE + 1))
    assert surge.is_surge(clock())


def test_a_good_day_is_no_surge(clock: Clock) -> None:
    surge = SurgeDetector()
    for _ in range(500):
        clock.forward(seconds=66 / SURGE_PER_MINUTE)
        assert not surge.add(clock())


def test_each_process_detects_a_surge_for_itself(clock: Clock) -> None:
    start_surge(clock)

    assert not SurgeDetector().is_surge(clock())
