"""Rate limits per network and per mail domain."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from campaign.guard import network
from campaign.guard.rate_limit import RateLimits
from campaign.guard.threshold import (
    FIRST_MAILS,
    FREE_LOGINS,
    FREE_LOGINS_TO_A_NAME,
    FREE_LOGINS_TO_A_NAME_FROM_A_NETWORK,
    FREE_SIGNATURES,
    MAX_LINK_REQUESTS,
    MAX_SIGNATURES,
    Bounds,
    Limit,
)
from tests.conftest import Clock

HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"


def fixed(per_period: int, per_day: int) -> Limit:
    return Limit(Bounds(per_period, per_period), Bounds(per_day, per_day))


def test_a_network_waits_for_the_period_and_then_for_midnight(clock: Clock) -> None:
    limits, limit = RateLimits(clock()), fixed(2, 3)
    clock.forward(seconds=77)
    for expected in (0, 0, 600 - 77):
        wait = limits.wait("sign", HOME, limit, clock())
        assert wait == expected
        clock.forward(seconds=wait)
        limits.add("sign", HOME, clock())

    assert limits.wait("sign", HOME, limit, clock()) == 12 * 3600 - 600
    assert limits.wait("sign", ELSEWHERE, limit, clock()) == 0
    assert limits.wait("post", HOME, limit, clock()) == 0

    clock.forward(hours=12)
    assert limits.wait("sign", HOME, limit, clock()) == 0


def test_no_wait_tells_when_a_request_came(clock: Clock) -> None:
    limits = RateLimits(clock())
    clock.forward(seconds=5 * 600 + 123)
    limits.add("sign", HOME, clock())
    clock.forward(seconds=100)

    assert limits.wait("sign", HOME, fixed(1, 9), clock()) == 600 - 223


def test_after_the_clock_was_set_back_a_network_waits_no_longer_than_before(clock: Clock) -> None:
    limits = RateLimits(clock())
    limits.add("sign", HOME, clock())
    clock.time -= timedelta(minutes=5)

    assert limits.wait("sign", HOME, fixed(1, 9), clock()) == 0


def random_bytes(seed: int) -> Callable[[int], bytes]:
    return Random(seed).randbytes  # noqa: S311 - repeatable


def free(limits: RateLimits, who: bytes, limit: Limit, clock: Clock) -> int:
    """Send until *limit* is reached, and return how many requests were free."""
    number = 0
    while not limits.wait_for("any", who, limit, clock()):
        limits.add_for("any", who, clock())
        number += 1
    return number


DRAWN = [
    FIRST_MAILS,
    FREE_LOGINS,
    FREE_LOGINS_TO_A_NAME,
    FREE_LOGINS_TO_A_NAME_FROM_A_NETWORK,
    FREE_SIGNATURES,
    MAX_LINK_REQUESTS,
    MAX_SIGNATURES,
]


@pytest.mark.parametrize("bounds", sorted({limit.per_period for limit in DRAWN[:5]}))
def test_who_shares_an_address_can_hardly_count_what_others_do(clock: Clock, bounds: Bounds) -> None:
    limits, limit = RateLimits(clock(), draw_salt=random_bytes(2)), Limit(bounds, Bounds(10_000, 10_000))
    quiet, used = Counter[int](), Counter[int]()
    for number in range(200):
        who = str(number).encode()
        quiet[free(limits, b"quiet" + who, limit, clock)] += 1
        limits.add_for("any", b"used" + who, clock())
        used[free(limits, b"used" + who, limit, clock)] += 1

    best = max(
        sum(number for seen, number in used.items() if seen < at)
        + sum(number for seen, number in quiet.items() if seen >= at)
        for at in range(bounds.highest + 2)
    )
    assert best < 400 * 0.65, "guessing at random is right in half of the cases"


def test_every_limit_of_a_network_or_a_name_is_drawn() -> None:
    assert min(bounds.highest - bounds.lowest for limit in DRAWN for bounds in limit) >= 5


def test_a_limit_stays_within_its_period_and_is_drawn_again_for_the_next(clock: Clock) -> None:
    limits, limit = RateLimits(clock(), draw_salt=random_bytes(3)), Limit(Bounds(3, 12), Bounds(1_000, 1_000))
    seen = []
    for _ in range(20):
        seen.append(free(limits, b"home", limit, clock))
        clock.forward(seconds=599)
        assert free(limits, b"home", limit, clock) == 0
        clock.forward(seconds=1)

    assert {*seen} <= {*range(3, 13)}
    assert len({*seen}) > 5


def test_limits_of_the_same_network_tell_nothing_about_each_other(clock: Clock) -> None:
    limits = RateLimits(clock(), draw_salt=random_bytes(4))
    lower, higher = (Limit(Bounds(at, at + 9), Bounds(99, 99)) for at in (0, 10))
    differences = set()
    for number in range(40):
        free(limits, str(number).encode(), lower, clock)
        differences.add(free(limits, str(number).encode(), higher, clock))

    assert len(differences) > 5


def test_what_is_taken_back_leaves_no_mark_and_gives_nothing_more(clock: Clock) -> None:
    limits, limit = RateLimits(clock()), fixed(2, 9)
    limits.add_for("any", b"olga", clock())
    limits.take_back_for("any", b"olga", clock())
    limits.take_back_for("any", b"olga", clock())
    counted_at = clock()
    assert free(limits, b"olga", limit, clock) == 2

    clock.forward(minutes=10)
    limits.add_for("any", b"olga", clock())
    limits.take_back_for("any", b"olga", counted_at)
    assert free(limits, b"olga", limit, clock) == 1


def _bytes_of(content: Any, seen: set[int]) -> bytes:
    """Return every byte that *content* refers to, at any depth."""
    if id(content) in seen:
        return b""
    seen.add(id(content))
    if isinstance(content, str | bytes):
        return content.encode() if isinstance(content, str) else content
    if isinstance(content, dict):
        content = [*content.keys(), *content.values()]
    if isinstance(content, list | tuple | set):
        return b"".join(_bytes_of(each, seen) for each in content)
    return _bytes_of(vars(content), seen) if hasattr(content, "__dict__") else b""


def test_counters_hold_no_address_and_the_next_day_nothing_that_matches(clock: Clock) -> None:
    def counted() -> bytes:
        for _ in range(2):
            limits.add("sign", HOME, clock())
        return _bytes_of(limits, set())

    limits = RateLimits(clock())
    today = counted()
    key = next(iter(limits._day.counts["sign"]))
    clock.forward(days=1)
    tomorrow = counted()

    for needle in (b"mara", b"192.0", network.prefix(HOME)):
        assert needle not in today
    assert key in today
    assert key not in tomorrow


def test_counters_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr("campaign.guard.rate_limit.MAX_KEYS", 50)
    limits = RateLimits(clock())
    for number in range(200):
        limits.add("sign", f"10.0.0.{number}", clock())

    assert len(limits._day.counts["sign"]) == len(limits._period.counts["sign"]) == 50
    assert limits.wait("sign", "10.0.0.199", fixed(1, 9), clock()) > 0


def test_each_process_draws_its_own_salt(clock: Clock) -> None:
    keys = set()
    for _ in range(2):
        limits = RateLimits(clock())
        limits.add("sign", HOME, clock())
        keys |= set(limits._day.counts["sign"])

    assert len(keys) == 2
