"""The clock, which is passed to the code that uses it, so that tests can set the time."""

import time
from datetime import UTC, datetime


class Clock:
    """Wall clock and monotonic clock of the machine; tests pass a subclass."""

    def __call__(self) -> datetime:
        """Return the current time in UTC; it may jump when the machine's clock is set."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since an unspecified start; they never decrease."""
        return time.monotonic()


SYSTEM_CLOCK = Clock()
