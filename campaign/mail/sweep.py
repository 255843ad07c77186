"""What is to be done about waiting mails when the machine's clock was set back."""

from datetime import datetime, timedelta

from sqlalchemy import (
    case,
    delete,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from campaign.database.table import UTCDateTime
from campaign.mail.daily_limit import MailboxDay
from campaign.mail.outbox import (
    ERASED_AT_ONCE,
    EXPIRED,
    GIVEN_UP,
    LEASE,
    LIFETIME,
    PAUSES,
    SHOWN,
    WAITING,
    OutboxMail,
    _give_up,
)


def bring_near(db: Session, *, now: datetime, lease: timedelta = LEASE) -> None:
    """Let no mail wait for longer than it could by the clock as it goes now."""
    ends = {attempts: literal(now + pause, UTCDateTime()) for attempts, pause in enumerate(PAUSES, 1)}
    ends[0] = literal(now, UTCDateTime())
    latest = case(ends, value=OutboxMail.attempts, else_=ends[len(PAUSES)])
    waiting = update(OutboxMail).where(OutboxMail.status == WAITING)
    for statement in (
        waiting.where(OutboxMail.due_at > now, OutboxMail.due_at > latest).values(due_at=latest),
        waiting.where(OutboxMail.created_at > now).values(created_at=now),
        # Machines differ by a little, and a worker whose claim is moved loses it: so only what is far off.
        waiting.where(OutboxMail.claimed_until > now + lease * 7 / 6).values(claimed_until=now + lease),
    ):
        db.execute(statement, execution_options={"synchronize_session": False})


def erase_expired(db: Session, now: datetime) -> None:
    """Give up mails that are a day old, and forget failures and daily counts that are over."""
    old = select(OutboxMail).where(
        OutboxMail.status == WAITING,
        OutboxMail.created_at <= now - LIFETIME,
        # A mail in a worker's hands is settled by that worker.
        or_(OutboxMail.claimed_until.is_(None), OutboxMail.claimed_until <= now),
    )
    for mail in db.scalars(old.limit(ERASED_AT_ONCE).with_for_update(skip_locked=True)):
        _give_up(mail, EXPIRED)
    db.execute(
        delete(OutboxMail).where(OutboxMail.status.in_(GIVEN_UP), OutboxMail.created_at <= now - SHOWN)
    )
    db.execute(delete(MailboxDay).where(MailboxDay.on < now.date()))
