"""Sliding-window counters."""

from hypothesis import given
from hypothesis import strategies as some

from campaign.guard.sliding_window import SlidingWindow


def test_a_window_moves_with_the_time() -> None:
    window = SlidingWindow(600)
    for _ in range(4):
        window.add(b"a", 1000)

    assert window.count(b"a", 1199) == 4
    assert window.count(b"a", 1500) == 2
    assert window.count(b"a", 1800) == 0
    assert window.count(b"b", 1199) == 0


@given(
    some.lists(some.integers(0, 2000), min_size=1, max_size=30), some.integers(1, 10), some.integers(0, 3000)
)
def test_after_the_wait_a_key_is_below_the_limit_and_two_seconds_earlier_it_is_not(
    times: list[int], limit: int, later: int
) -> None:
    window = SlidingWindow(600)
    for at in sorted(times):
        window.add(b"a", at)
    now = max(times) + later

    wait = window.wait(b"a", limit, now)

    assert window.wait(b"a", limit, now + wait) == 0
    assert wait < 2 or window.wait(b"a", limit, now + wait - 2) > 0
