"""What the worker corrects in the outbox every minute: expired mails, and times that lie too far ahead."""

from datetime import datetime, timedelta

from sqlalchemy import case, delete, literal, or_, select, update
from sqlalchemy.orm import Session

from campaign.database.table import UTCDateTime
from campaign.mail.daily_limit import MailboxDay
from campaign.mail.outbox import GIVEN_UP, LEASE, WAITING, OutboxMail
from campaign.mail.retry import BACK_OFF, LIFETIME, expire

FAILURES_SHOWN = timedelta(days=30)
"""How long organisers see that a mail failed."""

BATCH = 1000
"""Mails expired in one transaction; the next minute's sweep takes more."""


def cap_waits(db: Session, *, now: datetime, lease: timedelta = LEASE) -> None:
    """Bring forward due times and leases that lie further ahead than they can: the clock was set back."""
    ends = {attempts: literal(now + pause, UTCDateTime()) for attempts, pause in enumerate(BACK_OFF, 1)}
    ends[0] = literal(now + LIFETIME, UTCDateTime())
    latest = case(ends, value=OutboxMail.attempts, else_=ends[len(BACK_OFF)])
    waiting = update(OutboxMail).where(OutboxMail.status == WAITING)
    for statement in (
        waiting.where(OutboxMail.created_at > now, OutboxMail.attempts == 0).values(due_at=now),
        waiting.where(OutboxMail.due_at > now, OutboxMail.due_at > latest).values(due_at=latest),
        waiting.where(OutboxMail.created_at > now).values(created_at=now),
        # The clocks of two machines differ a little, and a worker whose lease is changed loses its claim:
        # so the lease is changed only when it lies far ahead.
        waiting.where(OutboxMail.claimed_until > now + lease * 7 / 6).values(claimed_until=now + lease),
    ):
        db.execute(statement, execution_options={"synchronize_session": False})


def erase_expired(db: Session, now: datetime) -> None:
    """Expire mails that are a day old; delete failures and daily counts that are no longer needed."""
    old = select(OutboxMail).where(
        OutboxMail.status == WAITING,
        OutboxMail.created_at <= now - LIFETIME,
        # The worker that has claimed a mail records its outcome.
        or_(OutboxMail.claimed_until.is_(None), OutboxMail.claimed_until <= now),
    )
    for mail in db.scalars(old.limit(BATCH).with_for_update(skip_locked=True)):
        expire(mail)
    db.execute(
        delete(OutboxMail).where(
            OutboxMail.status.in_(GIVEN_UP), OutboxMail.created_at <= now - FAILURES_SHOWN
        )
    )
    db.execute(delete(MailboxDay).where(MailboxDay.on < now.date()))
