"""How a relay has answered lately: one that puts off mail after mail wants to be left alone for a while."""

import time

ENOUGH = 5
"""Mails put off one after another: one alone may be the recipient's doing."""

QUIET_SECONDS = 50
"""How long the relay is left alone then; less than a minute, so that the next sweep tries again."""


class Patience:
    """Counts the mails that a relay put off one after another, on one errand."""

    def __init__(self) -> None:
        self._put_off = 0
        self._quiet_until = 0.0

    def begin(self) -> None:
        """Begin an errand: a mail alone that is put off again and again means nothing."""
        self._put_off = 0

    def note(self, *, is_put_off: bool) -> None:
        """Note what became of a mail."""
        self._put_off = self._put_off + 1 if is_put_off else 0
        if self._put_off >= ENOUGH:
            self._put_off, self._quiet_until = 0, time.monotonic() + QUIET_SECONDS

    @property
    def is_over(self) -> bool:
        """Whether the relay is to be left alone now."""
        return time.monotonic() < self._quiet_until
