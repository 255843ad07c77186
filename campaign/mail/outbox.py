"""The outbox: mails kept in the transaction of the act they belong to, until a relay has taken them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    CheckConstraint,
    Connection,
    Index,
    String,
    Text,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base
from campaign.errors import MailError
from campaign.mail.sealed_content import Content, NewMail, close, read
from campaign.sealing.server_key import ServerKeys

WAITING, FAILED, EXPIRED = "waiting", "failed", "expired"

GIVEN_UP = FAILED, EXPIRED

DECOY = "decoy"
"""The purpose of a row that no mail follows: it takes the same work as one that has an answer."""

ASKED = "asked"
"""The purpose of a row that asks for a mail: the worker finds out whether there is one to send."""

LEASE = timedelta(minutes=6)
"""How long claimed mails belong to one worker; those of a killed one are taken up after that."""

LIFETIME = timedelta(hours=24)
"""After this a mail is given up, and what it holds is erased."""

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
"""Before the second attempt, the third and so on; the last one repeats."""

SHOWN = timedelta(days=30)
"""How long organisers see that a mail failed."""

ERASED_AT_ONCE = 1000
"""Mails given up in one transaction; the next minute takes more."""


class OutboxMail(Base):
    """A mail on its way to a signatory; once a relay has taken it, its row is gone."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'failed', 'expired')", name="status"),
        CheckConstraint("status = 'waiting' OR sealed IS NULL", name="erased"),
        Index(None, "status", "due_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    purpose: Mapped[str] = mapped_column(String(20))
    language: Mapped[str] = mapped_column(String(8))
    sealed: Mapped[bytes | None]
    """Recipient and parameters, closed under the server's mail key; ``None`` once given up."""
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    """Cut down to the day when the mail is given up."""
    attempts: Mapped[int] = mapped_column(default=0)
    """How often it was claimed."""
    claimed_until: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(Text, default=WAITING)
    failure_code: Mapped[int] = mapped_column(default=0)
    """The SMTP status of the last refusal, or 0; a server's words may quote the address."""


_PUT = insert(OutboxMail.__table__)  # type: ignore[arg-type]


_FORGET = delete(OutboxMail.__table__).where(OutboxMail.id == bindparam("mail_id"))  # type: ignore[arg-type]


def put(
    db: Session,
    keys: ServerKeys,
    *,
    purpose: str,
    language: str,
    recipient: str,
    params: Mapping[str, Any],
    now: datetime,
) -> UUID:
    """Keep a mail in the caller's transaction, to be sent as soon as that is committed."""
    return put_all(db, keys, [NewMail(purpose, language, recipient, params)], now=now)[0]


def put_all(db: Session, keys: ServerKeys, mails: Sequence[NewMail], *, now: datetime) -> list[UUID]:
    """Keep many mails in the caller's transaction."""
    rows = [
        {
            "id": uuid4(),
            "purpose": mail.purpose,
            "language": mail.language,
            "sealed": close(keys, mail),
            "due_at": now,
            "created_at": now,
        }
        for mail in mails
    ]
    # Without objects: this is part of every signature, and those come in floods.
    db.connection().execute(_PUT, rows)
    return [row["id"] for row in rows]  # type: ignore[misc]


def content(keys: ServerKeys, mail: OutboxMail) -> Content:
    """Open what *mail* holds.

    Raises:
        WrongKeyError: It was put in under another secret key, was altered, or is erased.
    """
    return read(keys, mail.sealed or b"")


def claim(db: Session, *, limit: int, now: datetime, lease: timedelta = LEASE) -> list[OutboxMail]:
    """Take up to *limit* due mails, longest due first; nobody else gets them until the lease ends."""
    due = (
        select(OutboxMail.id)
        .where(*_claimable(now))
        .order_by(OutboxMail.due_at)
        .limit(limit)
        # Other workers pass over these rows instead of waiting for them; SQLite has one writer anyway.
        .with_for_update(skip_locked=True)
        .cte()  # or PostgreSQL may look for them several times over
    )
    claimed = (
        update(OutboxMail)
        .where(OutboxMail.id.in_(select(due.c.id)))
        .values(claimed_until=now + lease, attempts=OutboxMail.attempts + 1)
        .returning(OutboxMail)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return sorted(db.scalars(claimed), key=lambda mail: mail.due_at)


def hold(db: Session, mail: OutboxMail, *, now: datetime, lease: timedelta = LEASE) -> bool:
    """Begin the lease of a claimed mail anew; false when it has passed to another worker."""
    until = now + lease
    held = db.execute(
        update(OutboxMail)
        .where(OutboxMail.id == mail.id, OutboxMail.claimed_until == mail.claimed_until)
        .values(claimed_until=until)
        .returning(OutboxMail.id)
        .execution_options(synchronize_session=False)
    ).first()
    if held:
        mail.claimed_until = until
    return held is not None


def release(db: Session, mails: Iterable[OutboxMail]) -> None:
    """Give claimed mails back that were not tried."""
    for mail in mails:
        db.execute(
            update(OutboxMail)
            .where(OutboxMail.id == mail.id, OutboxMail.claimed_until == mail.claimed_until)
            .values(claimed_until=None, attempts=OutboxMail.attempts - 1)
            .execution_options(synchronize_session=False)
        )


def sent(db: Session | Connection, mail_id: UUID) -> None:
    """Forget a mail that a relay has taken."""
    db.execute(_FORGET, {"mail_id": mail_id})


def later(db: Session, mail_id: UUID, error: MailError, now: datetime) -> None:
    """Put a mail off after *error*, longer each time; give it up when its day is over."""
    mail = db.get(OutboxMail, mail_id)
    if mail is None or mail.status != WAITING:
        return
    mail.claimed_until = None
    mail.failure_code = error.code
    mail.due_at = now + PAUSES[min(max(mail.attempts, 1), len(PAUSES)) - 1]
    if mail.due_at > mail.created_at + LIFETIME:
        _give_up(mail, EXPIRED)


def never(db: Session, mail_id: UUID, error: MailError) -> None:
    """Give a mail up for good after *error*, and erase what it holds."""
    mail = db.get(OutboxMail, mail_id)
    if mail is not None and mail.status == WAITING:
        mail.failure_code = error.code
        _give_up(mail, FAILED)


def is_due(db: Session, *, now: datetime) -> bool:
    """Whether any mail waits to be claimed."""
    return bool(db.scalar(select(exists().where(*_claimable(now)))))


def _claimable(now: datetime) -> tuple[Any, ...]:
    return (
        OutboxMail.status == WAITING,
        OutboxMail.due_at <= now,
        or_(OutboxMail.claimed_until.is_(None), OutboxMail.claimed_until <= now),
    )


def _give_up(mail: OutboxMail, status: str) -> None:
    mail.status = status
    mail.sealed = None
    mail.claimed_until = None
    # The exact time could be matched with a network's log.
    mail.created_at = datetime.combine(mail.created_at.date(), time(), mail.created_at.tzinfo)
    mail.due_at = mail.created_at
