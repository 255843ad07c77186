"""The time: passed in wherever it matters, so that tests can set it."""

import time
from datetime import UTC, datetime


class Clock:
    """The machine's two clocks; tests pass a subclass that they set by hand."""

    def __call__(self) -> datetime:
        """Return the time of day, in UTC; an operator may set it back or forward."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since a fixed moment in the past; they never go back."""
        return time.monotonic()


SYSTEM_CLOCK = Clock()
