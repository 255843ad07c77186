"""Logged-in organisers: sessions that hold the campaign's key only together with the cookie."""

import fcntl
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign import seal
from campaign.database import Base, upsert
from campaign.errors import CampaignError, WrongKeyError
from campaign.organiser import Organiser, Unlocked, folded, opens_names
from campaign.seal import ServerKeys

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
NOTICED_EVERY = timedelta(minutes=1)
"""How exactly the time of last use is kept."""

NO_KEY = b""
"""What a reader's session holds in place of the campaign's key."""

FREE_FAILURES = 5
"""Wrong passphrases or codes for a name before it has to wait."""
WAIT = timedelta(seconds=15)
"""Short and always the same: whoever knows an organiser's name must not be able to keep them out."""

RECOVERING = ""
"""The name under which wrong recovery codes are counted: no account has it, and who types one says none."""

BUSY_SECONDS = 5
"""What is told to whoever comes while another passphrase is being stretched."""

_TURN = threading.BoundedSemaphore(1)


class TooManyAttemptsError(CampaignError):
    """Wait before the next passphrase; ``seconds`` says how long."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many attempts: wait {seconds} seconds")
        self.seconds = seconds


class OrganiserSession(Base):
    """A login; its key opens only together with the cookie that the organiser's browser holds."""

    __tablename__ = "organiser_session"

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    organiser_id: Mapped[UUID] = mapped_column(ForeignKey("organiser.id", ondelete="CASCADE"), index=True)
    sealed_key: Mapped[bytes]
    """The campaign's private key, or :data:`NO_KEY`."""
    began_at: Mapped[datetime]
    used_at: Mapped[datetime] = mapped_column(index=True)


class LoginFailures(Base):
    """Wrong passphrases and codes for one name, whether or not an account has it."""

    __tablename__ = "login_failures"

    name_digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]


def begin(db: Session, unlocked: Unlocked, *, keys: ServerKeys, now: datetime) -> str:
    """Begin a session; return the secret that only the cookie holds."""
    cookie = secrets.token_urlsafe(32)
    db.add(
        OrganiserSession(
            hash=_session_hash(cookie),
            organiser_id=unlocked.id,
            sealed_key=seal.wrap(unlocked.key or NO_KEY, _session_key(cookie, keys)),
            began_at=now,
            used_at=now,
        )
    )
    db.execute(delete(LoginFailures).where(LoginFailures.name_digest == _name_digest(unlocked.name, keys)))
    return cookie


def resume(db: Session, cookie: str, *, keys: ServerKeys, now: datetime) -> tuple[Unlocked, bool]:
    """Return the organiser whose cookie this is, and whether :func:`notice` is due.

    Raises:
        WrongKeyError: No session has this cookie, or it was idle too long.
    """
    row = db.get(OrganiserSession, _session_hash(cookie))
    if row is None or row.used_at + IDLE < now or row.began_at + LONGEST < now:
        raise WrongKeyError("this session is over: log in again")
    account = db.get_one(Organiser, row.organiser_id)
    private_key = seal.unwrap(row.sealed_key, _session_key(cookie, keys))
    if opens_names(account.role) and private_key == NO_KEY:
        raise WrongKeyError("this session began as a reader’s: log in again")
    key = private_key if opens_names(account.role) else None
    unlocked = Unlocked(account.id, account.name, account.role, key)
    return unlocked, abs(now - row.used_at) > NOTICED_EVERY


def notice(db: Session, cookie: str, *, now: datetime) -> None:
    """Keep the session from going idle."""
    row = db.get(OrganiserSession, _session_hash(cookie))
    if row is not None:
        row.used_at = now


def end(db: Session, cookie: str) -> None:
    """End a session: its key is gone at once."""
    db.execute(delete(OrganiserSession).where(OrganiserSession.hash == _session_hash(cookie)))


def end_all(db: Session, organiser_id: UUID) -> None:
    """End every session of one organiser."""
    db.execute(delete(OrganiserSession).where(OrganiserSession.organiser_id == organiser_id))


def erase_idle(db: Session, *, now: datetime) -> None:
    """Delete sessions that are over, and failures that no longer matter."""
    # Used later than now, before the clock was set back: idle from now on.
    db.execute(update(OrganiserSession).where(OrganiserSession.used_at > now).values(used_at=now))
    db.execute(
        delete(OrganiserSession).where(
            (OrganiserSession.used_at < now - IDLE) | (OrganiserSession.began_at < now - LONGEST)
        )
    )
    db.execute(delete(LoginFailures).where(LoginFailures.last_at < now - timedelta(days=1)))


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


@contextmanager
def one_at_a_time(instance: Path, *, patience_seconds: float = 2) -> Iterator[None]:
    """Let one passphrase be stretched at a time on this machine, since each takes 256 MiB.

    Of one process one thread may wait for its turn, so that the others go on serving pages.

    Raises:
        TooManyAttemptsError: Others took the whole time that we were ready to wait.
    """
    if not _TURN.acquire(blocking=False):
        raise TooManyAttemptsError(BUSY_SECONDS)
    try:
        with (instance / "passphrase.lock").open("a") as file:
            _wait_for(file, time.monotonic() + patience_seconds)
            yield
    finally:
        _TURN.release()


def _wait_for(file: IO[str], deadline: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TooManyAttemptsError(BUSY_SECONDS) from None
            time.sleep(0.05)
        else:
            return


def _session_hash(cookie: str) -> bytes:
    return hashlib.blake2b(cookie.encode(), digest_size=32, person=b"campaign-session").digest()


def _session_key(cookie: str, keys: ServerKeys) -> bytes:
    return hmac.digest(keys.session, cookie.encode(), "sha256")


def _name_digest(name: str, keys: ServerKeys) -> bytes:
    return hmac.digest(keys.session, folded(name).encode(), "sha256")
