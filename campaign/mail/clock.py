"""What is to be done about waiting mails when the machine's clock was set back."""

from datetime import datetime, timedelta

from sqlalchemy import case, literal, update
from sqlalchemy.orm import Session

from campaign.database import UTCDateTime
from campaign.mail.outbox import LEASE, PAUSES, WAITING, OutboxMail


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
