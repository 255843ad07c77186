"""How many mails wait or failed: for organisers and ``doctor``, at the same cost however many mails wait."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from campaign.database.table import count_up_to
from campaign.mail.outbox import EXPIRED, FAILED, WAITING, OutboxMail

STUCK_SECONDS = 15 * 60
"""A mail that waits longer than this is a sign of trouble."""

COUNT_LIMIT = 1000
"""Counting stops here: an exact number beyond it helps nobody, and counting all rows takes long."""

MOST_OVERDUE = 5_000
"""More mails than this, due for :data:`STUCK_SECONDS`, close signing: each can be read with the server's key.

A relay that accepts 20 mails a second, far fewer than ours do, sends 18,000 in that time. So even a day on
which 100,000 people sign never meets this while a relay works, and while none does, waiting mails end here.
"""

MOST_DUE = 50_000
"""More due mails than this close signing too, however young they are: nobody signs so fast by hand. Mails
that are held back for a domain do not count, or a stranger could close signing with some domains."""

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
        oldest_seconds=max(0, int((now - (_oldest(db, now) or now)).total_seconds())),
        failed=count_up_to(db, COUNT_LIMIT, OutboxMail.status == FAILED),
        expired=count_up_to(db, COUNT_LIMIT, OutboxMail.status == EXPIRED),
    )


def is_backed_up(db: Session, now: datetime) -> bool:
    """Whether too many mails wait: none may be added until the relay accepts some.

    Mails that recipients' servers deferred, or that leave later on purpose, are not due, so nobody can
    close signing with them.
    """
    return _has_more(db, MOST_OVERDUE, now - timedelta(seconds=STUCK_SECONDS)) or _has_more(db, MOST_DUE, now)


def _has_more(db: Session, number: int, due_until: datetime) -> bool:
    """Whether more than *number* mails were due by then, read from the index alone."""
    waiting = OutboxMail.status == WAITING, OutboxMail.due_at <= due_until
    beyond = select(OutboxMail.due_at).where(*waiting).order_by(OutboxMail.due_at).offset(number).limit(1)
    return db.scalar(beyond) is not None


def _oldest(db: Session, now: datetime) -> datetime | None:
    # A mail that was delayed on purpose waits for nothing before its time.
    waiting = and_(OutboxMail.status == WAITING, or_(OutboxMail.attempts > 0, OutboxMail.due_at <= now))
    next_due = select(OutboxMail.created_at).where(waiting).order_by(OutboxMail.due_at).limit(SAMPLE)
    since: datetime | None = db.scalar(select(func.min(next_due.subquery().c.created_at)))
    return since
