"""Surge detection: while signatures come very fast, every signature needs a proof of work."""

import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from campaign.guard.threshold import SURGE_PER_MINUTE, SURGE_SECONDS


class SurgeDetector:
    """Signatures of the present minute in this web process, and the end of the surge they make.

    Each process detects a surge for itself, so that signing writes no shared row. The threshold is drawn
    each minute: with a known one, somebody's own signatures would tell whether another was among them.
    """

    def __init__(self, draw_below: Callable[[int], int] = secrets.randbelow) -> None:
        self._lock = threading.Lock()
        self._draw_below = draw_below
        self._minute = self._count = self._threshold = 0
        self._ends_at = datetime.min.replace(tzinfo=UTC)

    def add(self, now: datetime) -> bool:
        """Count one signature; return whether it started a surge."""
        with self._lock:
            self._begin_minute(int(now.timestamp()) // 60)
            self._count += 1
            if self._count <= self._threshold:
                return False
            was_surge, self._ends_at = self.is_surge(now), now + timedelta(seconds=SURGE_SECONDS)
            return not was_surge

    def is_surge(self, now: datetime) -> bool:
        """Whether every signature needs a proof."""
        # An end that is too far off was set before the clock was set back.
        return timedelta() < self._ends_at - now <= timedelta(seconds=SURGE_SECONDS)

    def _begin_minute(self, minute: int) -> None:
        if minute != self._minute:
            lowest, highest = SURGE_PER_MINUTE
            self._minute, self._count = minute, 0
            self._threshold = lowest + self._draw_below(highest - lowest + 1)
