"""Pauses sending when the relay itself keeps deferring our mail.

A temporary refusal of a recipient is no reason: it may come from the server that has the mailbox, and that
mail alone is retried later (:mod:`campaign.mail.retry`).
"""

from campaign.clock import Clock
from campaign.errors import MailError, PermanentMailError, RecipientMailError

DEFERRALS = 5
"""Consecutive deferrals that start a pause; a single one may be due to its message."""

PAUSE_SECONDS = 50
"""Less than a minute, so that the next sweep tries again."""


class RelayPause:
    """Counts consecutive deferrals by the relay."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deferrals = 0
        self._ends_at = float("-inf")

    def reset(self) -> None:
        """Count from zero again: a run begins, or the relay has accepted a mail."""
        self._deferrals = 0

    def record(self, error: MailError) -> None:
        """Count *error* if it is a deferral by the relay."""
        if isinstance(error, RecipientMailError | PermanentMailError):
            return
        self._deferrals += 1
        if self._deferrals >= DEFERRALS:
            self.reset()
            self._ends_at = self._clock.monotonic() + PAUSE_SECONDS

    @property
    def is_active(self) -> bool:
        """Whether nothing may be sent now."""
        return self._clock.monotonic() < self._ends_at
