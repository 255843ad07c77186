"""When a mail that was not accepted is tried again, and when it is given up."""

from datetime import datetime, time, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from campaign.errors import PermanentMailError, UncertainMailError, WrongKeyError
from campaign.mail.outbox import EXPIRED, FAILED, WAITING, OutboxMail

BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
"""Before the second attempt, the third and so on; the last one repeats."""

LIFETIME = timedelta(hours=24)
"""A mail older than this is given up."""

UNCERTAIN_ATTEMPTS = 2
"""Attempts without a final reply. Each may have arrived, so no further copy is sent."""


def is_final(error: Exception, *, attempts: int) -> bool:
    """Whether a mail that failed with *error* is given up instead of retried."""
    if isinstance(error, UncertainMailError):
        return attempts >= UNCERTAIN_ATTEMPTS
    return isinstance(error, PermanentMailError | WrongKeyError)


def put_off(db: Session, mail_id: UUID, *, code: int, now: datetime) -> None:
    """Schedule the next attempt by :data:`BACK_OFF`; the sweep expires what is too old by then.

    Args:
        db: A session that may write.
        mail_id: A mail that is no longer waiting is left as it is.
        code: The SMTP status of the refusal, or 0.
        now: The time of the failed attempt.
    """
    mail = db.get(OutboxMail, mail_id)
    if mail is None or mail.status != WAITING:
        return
    mail.claimed_until = None
    mail.failure_code = code
    mail.due_at = now + BACK_OFF[min(max(mail.attempts, 1), len(BACK_OFF)) - 1]


def give_up(db: Session, mail_id: UUID, *, code: int) -> None:
    """Mark a waiting mail as failed and erase its content."""
    mail = db.get(OutboxMail, mail_id)
    if mail is not None and mail.status == WAITING:
        mail.failure_code = code
        _erase(mail, FAILED)


def expire(mail: OutboxMail) -> None:
    """Mark *mail* as expired and erase its content."""
    _erase(mail, EXPIRED)


def _erase(mail: OutboxMail, status: str) -> None:
    mail.status = status
    mail.sealed = None
    mail.claimed_until = None
    # The exact time could be matched with a network's log.
    mail.created_at = datetime.combine(mail.created_at.date(), time(), mail.created_at.tzinfo)
    mail.due_at = mail.created_at
