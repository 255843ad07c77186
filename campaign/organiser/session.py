"""Sessions of logged-in organisers; the cookie is needed to decrypt the campaign's key in them."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base
from campaign.errors import WrongKeyError
from campaign.organiser.account import Organiser, Unlocked, check_account
from campaign.organiser.role import opens_names
from campaign.sealing import box, row_mac
from campaign.sealing.row_mac import Authentic
from campaign.sealing.server_key import ServerKeys

IDLE_LIMIT = timedelta(minutes=30)
LIFETIME = timedelta(hours=12)
USE_RECORDED_EVERY = timedelta(minutes=1)
"""The precision of ``used_at``, so that not every request writes."""

NO_KEY = b""
"""The content of a reader's session in place of the campaign's private key."""


class OrganiserSession(Authentic, Base):
    """A login."""

    __tablename__ = "organiser_session"
    authentic = ("hash", "organiser_id", "began_at", "answered_at", "names_shown")

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """Of the cookie."""
    organiser_id: Mapped[UUID] = mapped_column(ForeignKey("organiser.id", ondelete="CASCADE"), index=True)
    sealed_key: Mapped[bytes]
    """The campaign's private key or :data:`NO_KEY`, encrypted under a key derived from the cookie."""
    began_at: Mapped[datetime]
    answered_at: Mapped[datetime]
    """When the organiser last gave the passphrase: at the login, or asked again."""
    names_shown: Mapped[int]
    """How many signatures' names its pages showed since :attr:`answered_at`."""
    used_at: Mapped[datetime] = mapped_column(index=True)


class Resumed(NamedTuple):
    """The organiser of a session, and what its row says about it."""

    unlocked: Unlocked
    is_use_due: bool
    """Whether :func:`record_use` is due."""
    answered_at: datetime
    names_shown: int
    """Both as in :class:`OrganiserSession`."""


class OpenSession(NamedTuple):
    """A session, as its organiser sees it."""

    began_at: datetime
    used_at: datetime
    is_this: bool


def start(
    db: Session,
    unlocked: Unlocked,
    *,
    keys: ServerKeys,
    now: datetime,
    answered_at: datetime | None = None,
) -> str:
    """Start a session; return the secret for the cookie, which is stored nowhere else.

    Args:
        db: A session that may write.
        unlocked: The organiser.
        keys: The server's.
        now: The present time.
        answered_at: When the organiser gave the passphrase, unless that was now.
    """
    cookie = secrets.token_urlsafe(32)
    row = OrganiserSession(
        hash=_session_hash(cookie),
        organiser_id=unlocked.id,
        sealed_key=box.wrap(
            unlocked.private_key or NO_KEY, _session_key(cookie, keys), _context(unlocked.id)
        ),
        began_at=now,
        answered_at=answered_at or now,
        names_shown=0,
        used_at=now,
    )
    row_mac.sign(db, row)
    db.add(row)
    return cookie


def resume(db: Session, cookie: str, *, keys: ServerKeys, now: datetime) -> Resumed:
    """Return the session of *cookie*.

    Raises:
        WrongKeyError: No session has this cookie, or it has expired.
    """
    row = db.get(OrganiserSession, _session_hash(cookie))
    if row is None or _is_over(row, now):
        raise WrongKeyError("this session is over: log in again")
    row_mac.check(db, row)
    account = db.get_one(Organiser, row.organiser_id)
    check_account(db, account)
    private_key = box.unwrap(row.sealed_key, _session_key(cookie, keys), _context(account.id))
    if opens_names(account.role) and private_key == NO_KEY:
        raise WrongKeyError("this session began as a reader’s: log in again")
    key = private_key if opens_names(account.role) else None
    unlocked = Unlocked(account.id, account.name, account.role, key)
    return Resumed(unlocked, abs(now - row.used_at) > USE_RECORDED_EVERY, row.answered_at, row.names_shown)


def record_use(db: Session, cookie: str, *, now: datetime) -> None:
    """Record that the session was used at this time."""
    row = db.get(OrganiserSession, _session_hash(cookie))
    if row is not None:
        row.used_at = now


def record_answer(db: Session, cookie: str, *, now: datetime) -> None:
    """Record that the organiser gave the passphrase again at this time."""
    row = _locked(db, cookie)
    if row is not None:
        row.answered_at, row.names_shown = now, 0
        row_mac.sign(db, row)


def record_names_shown(db: Session, cookie: str, number: int) -> None:
    """Add *number* to the names that the session's pages showed since the passphrase."""
    row = _locked(db, cookie)
    if row is not None:
        row.names_shown += number
        row_mac.sign(db, row)


def end(db: Session, cookie: str) -> None:
    """Delete a session with its key."""
    db.execute(delete(OrganiserSession).where(OrganiserSession.hash == _session_hash(cookie)))


def end_others(db: Session, organiser_id: UUID, cookie: str) -> int:
    """Delete the organiser's sessions except that of *cookie*; return their number."""
    others = delete(OrganiserSession).where(
        OrganiserSession.organiser_id == organiser_id, OrganiserSession.hash != _session_hash(cookie)
    )
    return len(db.scalars(others.returning(OrganiserSession.hash)).all())


def open_sessions(db: Session, organiser_id: UUID, cookie: str, *, now: datetime) -> list[OpenSession]:
    """Return the organiser's sessions that are not over, the latest first."""
    query = select(OrganiserSession).where(OrganiserSession.organiser_id == organiser_id)
    rows = db.scalars(query.order_by(OrganiserSession.began_at.desc()))
    mine = _session_hash(cookie)
    return [
        OpenSession(row.began_at, row.used_at, row.hash == mine) for row in rows if not _is_over(row, now)
    ]


def end_all(db: Session, organiser_id: UUID) -> None:
    """Delete every session of one organiser."""
    db.execute(delete(OrganiserSession).where(OrganiserSession.organiser_id == organiser_id))


def erase_expired(db: Session, *, now: datetime) -> None:
    """Delete sessions that were idle, or open, for too long."""
    # A later time of use than now: the clock was set back. The session is idle from now on.
    db.execute(update(OrganiserSession).where(OrganiserSession.used_at > now).values(used_at=now))
    db.execute(
        delete(OrganiserSession).where(
            (OrganiserSession.used_at < now - IDLE_LIMIT) | (OrganiserSession.began_at < now - LIFETIME)
        )
    )


def _locked(db: Session, cookie: str) -> OrganiserSession | None:
    """Return the row, found genuine and locked, since pages of one session are asked for at the same time."""
    query = select(OrganiserSession).where(OrganiserSession.hash == _session_hash(cookie)).with_for_update()
    row = db.scalar(query.execution_options(populate_existing=True))
    if row is not None:
        row_mac.check(db, row)
    return row


def _context(organiser_id: UUID) -> str:
    """Bind a session's key to its account: changed in the row, another account's role would be had."""
    return f"session {organiser_id}"


def _is_over(row: OrganiserSession, now: datetime) -> bool:
    return row.used_at + IDLE_LIMIT < now or row.began_at + LIFETIME < now


def _session_hash(cookie: str) -> bytes:
    return hashlib.blake2b(cookie.encode(), digest_size=32, person=b"campaign-session").digest()


def _session_key(cookie: str, keys: ServerKeys) -> bytes:
    return hmac.digest(keys.session, cookie.encode(), "sha256")
