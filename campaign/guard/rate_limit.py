"""Rate limits per network, counted in the memory of one web process.

Where a limit lies is drawn for each period: otherwise somebody who shares a network with others could count
what is let through, and so see each act of theirs. Within a period counts only rise, so that a refused
attempt shows nothing new.
"""

import hmac
import secrets
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from campaign.guard import network
from campaign.guard.threshold import DAY_SECONDS, MAX_KEYS, PERIOD_SECONDS, Bounds, Limit


class _Period:
    """The counters of one period, under a salt that is drawn for it and never leaves this process."""

    def __init__(self, begins_at: int, ends_at: int, salt: bytes) -> None:
        self._begins_at = begins_at
        self._salt = salt
        self.ends_at = ends_at
        self.counts: defaultdict[str, Counter[bytes]] = defaultdict(Counter)

    def covers(self, second: int) -> bool:
        """Whether *second* is in this period; it is not if the clock was set back."""
        return self._begins_at <= second < self.ends_at

    def digest(self, content: bytes) -> bytes:
        """Return a digest of *content*: the same within the period, and meaningless without the salt."""
        return hmac.digest(self._salt, content, "sha256")[:16]

    def is_reached(self, kind: str, who: bytes, bounds: Bounds) -> bool:
        """Whether the requests of *kind* by *who* reach the limit that was drawn for them."""
        drawn = int.from_bytes(self.digest(repr((kind, who, bounds)).encode()))
        limit = bounds.lowest + drawn % (bounds.highest - bounds.lowest + 1)
        return self.counts[kind][self.digest(who)] >= limit

    def add(self, kind: str, who: bytes, number: int) -> None:
        """Count *number* more requests of *kind* by *who*; fewer, if it is negative."""
        counts, key = self.counts[kind], self.digest(who)
        counts[key] = max(0, counts[key] + number)
        evict_oldest(counts)


class RateLimits:
    """Requests per network, or anything else that is counted, in the present period and today (UTC).

    Addresses are stored only as digests. All counters end with their period, and so does its salt.
    """

    def __init__(
        self, begun_at: datetime, *, draw_salt: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        """Count from *begun_at*, when the process started.

        The first request would be no good start of a period: who is refused reads from ``Retry-After`` when
        the period began.
        """
        self._lock = threading.Lock()
        self._begun_at = int(begun_at.timestamp())
        self._draw_salt = draw_salt
        self._period = self._day = _Period(0, 0, b"")

    def wait(self, kind: str, address: str | None, limit: Limit, now: datetime) -> int:
        """Return the seconds until the network of *address* may send a request of *kind*; 0 for now."""
        return self.wait_for(kind, network.prefix(address), limit, now)

    def add(self, kind: str, address: str | None, now: datetime, number: int = 1) -> None:
        """Count a request of *kind*, or a *number* of them, from the network of *address*."""
        self.add_for(kind, network.prefix(address), now, number)

    def wait_for(self, kind: str, who: bytes, limit: Limit, now: datetime) -> int:
        """Return the seconds until *who*, a network or anything else that is counted, is below *limit*."""
        with self._lock:
            period, day = self._present(now)
            for each, bounds in ((day, limit.per_day), (period, limit.per_period)):
                if each.is_reached(kind, who, bounds):
                    return each.ends_at - int(now.timestamp())
            return 0

    def add_for(self, kind: str, who: bytes, now: datetime, number: int = 1) -> None:
        """Count a request of *kind* by *who*, or a *number* of them."""
        with self._lock:
            for each in self._present(now):
                each.add(kind, who, number)

    def take_back_for(self, kind: str, who: bytes, counted_at: datetime) -> None:
        """Take back what :meth:`add_for` counted at that time, unless its period is over."""
        with self._lock:
            for each in (self._period, self._day):
                if each.covers(int(counted_at.timestamp())):
                    each.add(kind, who, -1)

    def _present(self, now: datetime) -> tuple[_Period, _Period]:
        second = int(now.timestamp())
        if not self._period.covers(second):
            begins_at = second - (second - self._begun_at) % PERIOD_SECONDS
            self._period = _Period(begins_at, begins_at + PERIOD_SECONDS, self._draw_salt(32))
        if not self._day.covers(second):
            midnight = second - second % DAY_SECONDS
            self._day = _Period(midnight, midnight + DAY_SECONDS, self._draw_salt(32))
        return self._period, self._day


def evict_oldest(counts: dict[bytes, Any]) -> None:
    """Remove the key that was added first if there are more than :data:`MAX_KEYS`."""
    if len(counts) > MAX_KEYS:
        del counts[next(iter(counts))]
