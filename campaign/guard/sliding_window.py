"""Sliding-window counters for many keys at once."""

import math
from typing import Any

from campaign.guard.threshold import MAX_KEYS


class SlidingWindow:
    """Approximate number of events per key within the last seconds.

    Time is cut into periods as long as the window. Each key has two numbers: the events of the
    present period, and those of the period before, weighted by how much of that period the window
    still covers. A list of times would be exact, but a flood could make it as long as it likes.
    """

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._counts: dict[bytes, tuple[int, int, int]] = {}

    def add(self, key: bytes, now: float) -> None:
        """Count one event of *key*."""
        period, present, previous = self._at(key, now)
        self._counts[key] = period, present + 1, previous
        evict_oldest(self._counts)

    def count(self, key: bytes, now: float) -> float:
        """Return the number of events of *key* within the window."""
        period, present, previous = self._at(key, now)
        return present + previous * (period + 1 - now / self._seconds)

    def wait(self, key: bytes, limit: int, now: float) -> int:
        """Return the seconds until *key* is below *limit* events per window; 0 if it is already."""
        if self.count(key, now) < limit:
            return 0
        period, present, previous = self._at(key, now)
        # The previous period's share falls until this period ends, then the present one's does.
        if present < limit:
            share, ends = (limit - present) / previous, period + 1
        else:
            share, ends = limit / present, period + 2
        return math.floor((ends - share) * self._seconds - now) + 1

    def _at(self, key: bytes, now: float) -> tuple[int, int, int]:
        current = int(now // self._seconds)
        period, present, previous = self._counts.get(key, (current, 0, 0))
        if period == current:
            return period, present, previous
        return current, 0, present if period == current - 1 else 0


def evict_oldest(counts: dict[bytes, Any]) -> None:
    """Remove the key that was added first if there are more than :data:`MAX_KEYS`."""
    if len(counts) > MAX_KEYS:
        del counts[next(iter(counts))]
