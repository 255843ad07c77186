"""How many mails wait or failed: for organisers and ``doctor``, at the same cost however many mails wait."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.database.table import count_up_to
from campaign.mail.outbox import EXPIRED, FAILED, WAITING, OutboxMail

STUCK_SECONDS = 15 * 60
"""A mail that waits longer than this is a sign of trouble."""

COUNT_LIMIT = 1000
"""Counting stops here: an exact number beyond it helps nobody, and counting all rows takes long."""

SAMPLE = 100
"""Number of next due mails whose age is read."""


@dataclass(frozen=True)
class OutboxHealth:
    """Waiting mails, the age of the oldest, and mails given up; each count is at most :data:`COUNT_LIMIT`."""

    waiting: int
    oldest_seconds: int
    """Age of the oldest among the mails that are due next."""
    failed: int
    expired: int

    @property
    def is_more(self) -> bool:
        """Whether there may be more waiting mails than were counted."""
        return self.waiting == COUNT_LIMIT

    @property
    def is_stuck(self) -> bool:
        """Whether a mail has waited longer than :data:`STUCK_SECONDS`."""
        return self.waiting > 0 and self.oldest_seconds > STUCK_SECONDS


def measure(db: Session, now: datetime) -> OutboxHealth:
    """Count waiting, failed and expired mails."""
    return OutboxHealth(
        waiting=count_up_to(db, COUNT_LIMIT, OutboxMail.status == WAITING),
        oldest_seconds=max(0, int((now - (_oldest(db) or now)).total_seconds())),
        failed=count_up_to(db, COUNT_LIMIT, OutboxMail.status == FAILED),
        expired=count_up_to(db, COUNT_LIMIT, OutboxMail.status == EXPIRED),
    )


def _oldest(db: Session) -> datetime | None:
    waiting = OutboxMail.status == WAITING
    next_due = select(OutboxMail.created_at).where(waiting).order_by(OutboxMail.due_at).limit(SAMPLE)
    since: datetime | None = db.scalar(select(func.min(next_due.subquery().c.created_at)))
    return since
