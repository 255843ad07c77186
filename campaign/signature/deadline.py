"""Until when a signature can be confirmed: who signed in time may confirm in time, also after the close."""

from datetime import date, timedelta
from typing import Protocol


class Confirmable(Protocol):
    """A signature's dates, as a row or an object."""

    @property
    def signed_on(self) -> date:
        """When the form was sent."""

    @property
    def confirmed_on(self) -> date | None:
        """When the mailbox's owner confirmed it."""


def confirm_until(signed_on: date, confirmation_days: int) -> date:
    """Return the last day (UTC, to its end) on which what was signed on *signed_on* can be confirmed.

    Form, mail and private page name this day. The closing day does not shorten it.
    """
    return signed_on + timedelta(days=confirmation_days)


def is_expired(signature: Confirmable, today: date, confirmation_days: int) -> bool:
    """Whether *signature* was not confirmed in time."""
    return signature.confirmed_on is None and confirm_until(signature.signed_on, confirmation_days) < today


def is_late(signature: Confirmable, closes_on: date | None) -> bool:
    """Whether *signature* was submitted after the close."""
    return closes_on is not None and signature.signed_on > closes_on
