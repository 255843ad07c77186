"""How the outbox is: what organisers and monitoring see, at the same cost however many mails wait."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.database.table import count_up_to
from campaign.mail.outbox import EXPIRED, FAILED, WAITING, OutboxMail

STUCK_SECONDS = 15 * 60
"""A mail that waits longer than this is a sign of trouble."""

COUNTED = 1000
"""So many, or more: nobody need know more exactly how many mails wait, and counting them all takes long."""

NEXT = 100
"""Mails that are looked at to see whether any of them waits for long."""


@dataclass(frozen=True)
class OutboxState:
    """How many mails wait, since when, and how many were given up."""

    waiting: int
    """:data:`COUNTED` at most, as the other numbers."""
    oldest_seconds: int
    """Age of the oldest of those mails that are next."""
    failed: int
    expired: int

    @property
    def is_more(self) -> bool:
        """Whether more mails wait than were counted."""
        return self.waiting == COUNTED

    @property
    def is_stuck(self) -> bool:
        """Whether mails wait for so long that something must be wrong."""
        return self.waiting > 0 and self.oldest_seconds > STUCK_SECONDS


def state(db: Session, now: datetime) -> OutboxState:
    """Return about how many mails wait, since when, and how many were given up."""
    return OutboxState(
        waiting=count_up_to(db, COUNTED, OutboxMail.status == WAITING),
        oldest_seconds=max(0, int((now - (_oldest(db) or now)).total_seconds())),
        failed=count_up_to(db, COUNTED, OutboxMail.status == FAILED),
        expired=count_up_to(db, COUNTED, OutboxMail.status == EXPIRED),
    )


def _oldest(db: Session) -> datetime | None:
    waiting = OutboxMail.status == WAITING
    longest_due = select(OutboxMail.created_at).where(waiting).order_by(OutboxMail.due_at).limit(NEXT)
    since: datetime | None = db.scalar(select(func.min(longest_due.subquery().c.created_at)))
    return since
