"""A moving window over how often something came, for many keys at once."""

import math
from typing import Any

from campaign.guard.limit import MOST_KEYS


class Window:
    """How often each key came within the last seconds.

    Two numbers for each key, whatever comes: what came in the present part of time, and in the
    part before, of which only the share counts that the window still covers, as if it had come
    evenly. Lists of times would be exact, and as long as a flood wants them.
    """

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._counts: dict[bytes, tuple[int, int, int]] = {}

    def add(self, key: bytes, now: float) -> None:
        """Count one more."""
        part, here, before = self._at(key, now)
        self._counts[key] = part, here + 1, before
        forget_first(self._counts)

    def count(self, key: bytes, now: float) -> float:
        """Return how often *key* came."""
        part, here, before = self._at(key, now)
        return here + before * (part + 1 - now / self._seconds)

    def wait(self, key: bytes, most: int, now: float) -> int:
        """Return in how many seconds *key* may come again when it may *most* times; 0 for at once."""
        if self.count(key, now) < most:
            return 0
        part, here, before = self._at(key, now)
        # In this part what came before fades away; if that is not enough, what came here does in the next.
        share, part = ((most - here) / before, part) if here < most else (most / here, part + 1)
        return math.floor((part + 1 - share) * self._seconds - now) + 1

    def _at(self, key: bytes, now: float) -> tuple[int, int, int]:
        present = int(now // self._seconds)
        part, here, before = self._counts.get(key, (present, 0, 0))
        if part == present:
            return part, here, before
        return present, 0, here if part == present - 1 else 0


def forget_first(kept: dict[bytes, Any]) -> None:
    """Keep *kept* from growing without end."""
    if len(kept) > MOST_KEYS:
        del kept[next(iter(kept))]
