"""Failed attempts to log in, counted for each account, and the wait that follows them."""

import hmac
from datetime import datetime, timedelta

from sqlalchemy import LargeBinary, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, upsert
from campaign.errors import CampaignError
from campaign.organiser.account import folded
from campaign.sealing.server_key import ServerKeys

FREE_FAILURES = 5
"""Wrong passphrases or codes for a name before it has to wait."""


WAIT = timedelta(seconds=15)
"""Short and always the same: whoever knows an organiser's name must not be able to keep them out."""


RECOVERING = ""
"""The name under which wrong recovery codes are counted: no account has it, and who types one says none."""


class TooManyAttemptsError(CampaignError):
    """Wait before the next passphrase; ``seconds`` says how long."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many attempts: wait {seconds} seconds")
        self.seconds = seconds


class LoginFailures(Base):
    """Wrong passphrases and codes for one name, whether or not an account has it."""

    __tablename__ = "login_failures"

    name_digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]


def check_attempt(db: Session, name: str, *, keys: ServerKeys, now: datetime) -> None:
    """Refuse another passphrase or code for *name* when too many were wrong just now.

    Raises:
        TooManyAttemptsError: With the seconds to wait.
    """
    row = db.scalar(select(LoginFailures).where(LoginFailures.name_digest == _name_digest(name, keys)))
    if row is None or row.failures < FREE_FAILURES:
        return
    left = row.last_at + WAIT - now
    # More would be left where the clock was set back meanwhile.
    if timedelta(0) < left <= WAIT:
        raise TooManyAttemptsError(int(left.total_seconds()) + 1)


def note_failure(db: Session, name: str, *, keys: ServerKeys, now: datetime) -> None:
    """Count a wrong passphrase or code for *name*."""
    row = {"name_digest": _name_digest(name, keys), "failures": 1, "last_at": now}
    db.execute(
        upsert(db, LoginFailures)
        .values(**row)
        .on_conflict_do_update(
            index_elements=["name_digest"], set_={"failures": LoginFailures.failures + 1, "last_at": now}
        )
    )


def _name_digest(name: str, keys: ServerKeys) -> bytes:
    return hmac.digest(keys.session, folded(name).encode(), "sha256")
