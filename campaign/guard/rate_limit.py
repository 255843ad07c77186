"""Rate limits per network, counted in the memory of one web process."""

import hmac
import secrets
import threading
from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta

from campaign.guard import network
from campaign.guard.sliding_window import SlidingWindow, evict_oldest
from campaign.guard.threshold import WINDOW_SECONDS, Limit


class _Day:
    """One day's counters."""

    def __init__(self, on: date) -> None:
        self.on = on
        self._salt = secrets.token_bytes(32)
        self.windows: defaultdict[str, SlidingWindow] = defaultdict(lambda: SlidingWindow(WINDOW_SECONDS))
        self.since_midnight: defaultdict[str, Counter[bytes]] = defaultdict(Counter)

    def digest(self, content: bytes) -> bytes:
        """Return a digest of *content*: the same all day, and meaningless without this process's salt."""
        return hmac.digest(self._salt, content, "sha256")[:16]


class RateLimits:
    """Today's requests per network.

    Addresses are stored only as digests. Their salt is drawn each day (UTC) and never
    leaves this process. All counters end with the day.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._day = _Day(date.min)

    def wait(self, kind: str, address: str | None, limit: Limit, now: datetime) -> int:
        """Return the seconds until the network of *address* may send a request of *kind*; 0 for now."""
        return self.wait_for(kind, network.prefix(address), limit, now)

    def add(self, kind: str, address: str | None, now: datetime) -> None:
        """Count a request of *kind* from the network of *address*."""
        self.add_for(kind, network.prefix(address), now)

    def wait_for(self, kind: str, who: bytes, limit: Limit, now: datetime) -> int:
        """Return the seconds until *who*, a network or anything else that is counted, is below *limit*."""
        with self._lock:
            day = self._today(now)
            key = day.digest(who)
            if day.since_midnight[kind][key] >= limit.per_day:
                return _seconds_to_midnight(now)
            return day.windows[kind].wait(key, limit.per_window, now.timestamp())

    def add_for(self, kind: str, who: bytes, now: datetime) -> None:
        """Count a request of *kind* by *who*."""
        with self._lock:
            day = self._today(now)
            key = day.digest(who)
            day.windows[kind].add(key, now.timestamp())
            day.since_midnight[kind][key] += 1
            evict_oldest(day.since_midnight[kind])

    def _today(self, now: datetime) -> _Day:
        if self._day.on != now.date():
            self._day = _Day(now.date())
        return self._day


def _seconds_to_midnight(now: datetime) -> int:
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
    return int((midnight - now).total_seconds()) + 1
