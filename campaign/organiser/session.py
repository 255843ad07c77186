"""Logged-in organisers: sessions that hold the campaign's key only together with the cookie."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, delete, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base
from campaign.errors import WrongKeyError
from campaign.organiser.account import Organiser, Unlocked
from campaign.organiser.login_attempt import LoginFailures, _name_digest
from campaign.organiser.role import opens_names
from campaign.sealing import box
from campaign.sealing.server_key import ServerKeys

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
NOTICED_EVERY = timedelta(minutes=1)
"""How exactly the time of last use is kept."""

NO_KEY = b""
"""What a reader's session holds in place of the campaign's key."""


class OrganiserSession(Base):
    """A login; its key opens only together with the cookie that the organiser's browser holds."""

    __tablename__ = "organiser_session"

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    organiser_id: Mapped[UUID] = mapped_column(ForeignKey("organiser.id", ondelete="CASCADE"), index=True)
    sealed_key: Mapped[bytes]
    """The campaign's private key, or :data:`NO_KEY`."""
    began_at: Mapped[datetime]
    used_at: Mapped[datetime] = mapped_column(index=True)


def begin(db: Session, unlocked: Unlocked, *, keys: ServerKeys, now: datetime) -> str:
    """Begin a session; return the secret that only the cookie holds."""
    cookie = secrets.token_urlsafe(32)
    db.add(
        OrganiserSession(
            hash=_session_hash(cookie),
            organiser_id=unlocked.id,
            sealed_key=box.wrap(unlocked.key or NO_KEY, _session_key(cookie, keys)),
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
    private_key = box.unwrap(row.sealed_key, _session_key(cookie, keys))
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


def _session_hash(cookie: str) -> bytes:
    return hashlib.blake2b(cookie.encode(), digest_size=32, person=b"campaign-session").digest()


def _session_key(cookie: str, keys: ServerKeys) -> bytes:
    return hmac.digest(keys.session, cookie.encode(), "sha256")
