"""Surge detection."""

from random import Random

from campaign.guard.surge import SurgeDetector
from campaign.guard.threshold import SURGE_PER_MINUTE
from tests.conftest import Clock

LOWEST, HIGHEST = SURGE_PER_MINUTE


def start_surge(clock: Clock) -> SurgeDetector:
    surge = SurgeDetector(lambda _numbers: 5)
    assert [surge.add(clock()) for _ in range(LOWEST + 6)] == [False] * (LOWEST + 5) + [True]
    return surge


def test_own_signatures_hardly_tell_whether_somebody_else_signs(clock: Clock) -> None:
    def free_signatures() -> int:
        return next(number for number in range(100) if surge.add(clock()))

    seen: dict[bool, set[int]] = {False: set(), True: set()}
    surge = SurgeDetector(Random(1).randrange)  # noqa: S311 - repeatable
    for number in range(60):
        clock.forward(minutes=20)
        has_another = number % 2 == 1
        if has_another:
            surge.add(clock())
        seen[has_another].add(free_signatures())

    assert seen[False] <= {*range(LOWEST, HIGHEST + 1)}
    assert len(seen[False] & seen[True]) >= 8


def test_more_signatures_a_minute_than_the_threshold_start_one_surge(clock: Clock) -> None:
    surge = start_surge(clock)

    assert surge.is_surge(clock())
    assert not surge.add(clock())


def test_a_surge_lasts_while_signatures_come_fast_and_ten_minutes_longer(clock: Clock) -> None:
    surge = start_surge(clock)
    for _ in range(600):
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

    assert any(surge.add(clock()) for _ in range(HIGHEST + 1))
    assert surge.is_surge(clock())


def test_a_good_day_is_no_surge(clock: Clock) -> None:
    surge = SurgeDetector()
    for _ in range(500):
        clock.forward(seconds=66 / LOWEST)
        assert not surge.add(clock())


def test_each_process_detects_a_surge_for_itself(clock: Clock) -> None:
    start_surge(clock)

    assert not SurgeDetector().is_surge(clock())
