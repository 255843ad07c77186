"""Failed logins: counted for each name, and the wait after too many."""

import hmac
from datetime import datetime, timedelta

from sqlalchemy import LargeBinary, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, upsert
from campaign.errors import TooManyAttemptsError
from campaign.organiser import name as names
from campaign.sealing.server_key import ServerKeys

FREE_FAILURES = 5
"""Failures for a name before it has to wait."""

WAIT = timedelta(seconds=15)
"""Short and constant, so that failures made on purpose cannot lock an organiser out."""

FAILURES_KEPT = timedelta(days=1)

RECOVERY_NAME = ""
"""The name under which wrong recovery codes are counted; no account has it."""


class LoginFailures(Base):
    """The number of wrong passphrases and codes for one name, whether or not an account has it."""

    __tablename__ = "login_failures"

    name_digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]


def check_attempt(db: Session, name: str, *, keys: ServerKeys, now: datetime) -> None:
    """Refuse another attempt for *name* right after too many failures.

    Raises:
        TooManyAttemptsError: With the seconds to wait.
    """
    row = db.scalar(select(LoginFailures).where(LoginFailures.name_digest == _name_digest(name, keys)))
    if row is None or row.failures < FREE_FAILURES:
        return
    left = row.last_at + WAIT - now
    # More than WAIT is left only where the clock was set back.
    if timedelta(0) < left <= WAIT:
        raise TooManyAttemptsError(int(left.total_seconds()) + 1)


def record_failure(db: Session, name: str, *, keys: ServerKeys, now: datetime) -> None:
    """Count a wrong passphrase or code for *name*."""
    row = {"name_digest": _name_digest(name, keys), "failures": 1, "last_at": now}
    db.execute(
        upsert(db, LoginFailures)
        .values(**row)
        .on_conflict_do_update(
            index_elements=["name_digest"], set_={"failures": LoginFailures.failures + 1, "last_at": now}
        )
    )


def reset_failures(db: Session, name: str, *, keys: ServerKeys) -> None:
    """Delete the failures of *name* after a successful login."""
    db.execute(delete(LoginFailures).where(LoginFailures.name_digest == _name_digest(name, keys)))


def erase_old_failures(db: Session, *, now: datetime) -> None:
    """Delete failures that no longer matter."""
    db.execute(delete(LoginFailures).where(LoginFailures.last_at < now - FAILURES_KEPT))


def _name_digest(name: str, keys: ServerKeys) -> bytes:
    return hmac.digest(keys.session, names.fold(name).encode(), "sha256")
