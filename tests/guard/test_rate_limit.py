"""Rate limits per network and per mail domain."""

from typing import Any

import pytest

from campaign.guard import network
from campaign.guard.rate_limit import RateLimits
from campaign.guard.threshold import Limit
from tests.conftest import Clock

HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"


def test_a_network_waits_for_the_window_and_then_for_midnight(clock: Clock) -> None:
    limits, limit = RateLimits(), Limit(per_window=2, per_day=3)
    for expected in (0, 0, 600):
        wait = limits.wait("sign", HOME, limit, clock())
        assert abs(wait - expected) <= 1
        clock.forward(seconds=wait)
        limits.add("sign", HOME, clock())

    assert limits.wait("sign", HOME, limit, clock()) == pytest.approx(12 * 3600 - 600, abs=5)
    assert limits.wait("sign", ELSEWHERE, limit, clock()) == 0
    assert limits.wait("post", HOME, limit, clock()) == 0

    clock.forward(hours=12)
    assert limits.wait("sign", HOME, limit, clock()) == 0


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

    limits = RateLimits()
    today = counted()
    key = next(iter(limits._day.since_midnight["sign"]))
    clock.forward(days=1)
    tomorrow = counted()

    for needle in (b"mara", b"192.0", network.prefix(HOME)):
        assert needle not in today
    assert key in today
    assert key not in tomorrow


def test_counters_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr("campaign.guard.sliding_window.MAX_KEYS", 50)
    limits = RateLimits()
    for number in range(200):
        limits.add("sign", f"10.0.0.{number}", clock())

    day = limits._day
    assert len(day.since_midnight["sign"]) == 50
    assert len(day.windows["sign"]._counts) == 50
    assert limits.wait("sign", "10.0.0.199", Limit(1, 9), clock()) > 0


def test_each_process_draws_its_own_salt(clock: Clock) -> None:
    keys = set()
    for _ in range(2):
        limits = RateLimits()
        limits.add("sign", HOME, clock())
        keys |= set(limits._day.since_midnight["sign"])

    assert len(keys) == 2
