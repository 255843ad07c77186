"""Surge detection: while signatures come very fast, every signature needs a proof of work."""

import threading
from datetime import UTC, datetime, timedelta

from campaign.guard.sliding_window import SlidingWindow
from campaign.guard.threshold import SURGE_PER_MINUTE, SURGE_SECONDS

_ALL = b""
"""The one key of the window: the whole process."""


class SurgeDetector:
    """Signatures of the last minute in this web process, and the end of the surge they make.

    Each process detects a surge for itself, so that signing writes no shared row.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = SlidingWindow(60)
        self._ends_at = datetime.min.replace(tzinfo=UTC)

    def add(self, now: datetime) -> bool:
        """Count one signature; return whether it started a surge."""
        with self._lock:
            self._minute.add(_ALL, now.timestamp())
            if self._minute.count(_ALL, now.timestamp()) <= SURGE_PER_MINUTE:
                return False
            was_surge, self._ends_at = self.is_surge(now), now + timedelta(seconds=SURGE_SECONDS)
            return not was_surge

    def is_surge(self, now: datetime) -> bool:
        """Whether every signature needs a proof."""
        # An end that is too far off was set before the clock was set back.
        return timedelta() < self._ends_at - now <= timedelta(seconds=SURGE_SECONDS)
