"""The outbox: mails are stored in the transaction that causes them, and deleted when a relay accepts them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    CheckConstraint,
    Connection,
    Index,
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
from campaign.mail.random_wait import Wait, no_wait
from campaign.mail.sealed_content import Content, NewMail, unwrap, wrap
from campaign.sealing.server_key import ServerKeys

WAITING, FAILED, EXPIRED = "waiting", "failed", "expired"

GIVEN_UP = FAILED, EXPIRED

DECOY = "decoy"
"""Purpose of a row that sends no mail: it costs the same work as one that does, so time tells nothing."""

LINK_REQUEST = "asked"
"""Purpose of a row that asks for a mailbox's links: the worker finds out whether there are any to send."""

LEASE = timedelta(minutes=6)
"""How long claimed mails belong to one worker; then another worker may claim those of a killed one."""


class OutboxMail(Base):
    """A mail to a signatory that no relay has accepted yet."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'failed', 'expired')", name="status"),
        CheckConstraint("status = 'waiting' OR sealed IS NULL", name="erased"),
        Index(None, "status", "due_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    sealed: Mapped[bytes | None]
    """Purpose, language, recipient and parameters, encrypted under the server's mail key; ``None`` once
    given up, so that a mail that failed does not tell what it was for."""
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    """Reduced to the day when the mail is given up."""
    attempts: Mapped[int] = mapped_column(default=0)
    """How many times it was claimed."""
    claimed_until: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(Text, default=WAITING)
    failure_code: Mapped[int] = mapped_column(default=0)
    """SMTP status of the last refusal, or 0; the reply's text may quote the address and is not stored."""


_INSERT = insert(OutboxMail.__table__)  # type: ignore[arg-type]

_DELETE = delete(OutboxMail.__table__).where(OutboxMail.id == bindparam("mail_id"))  # type: ignore[arg-type]


def add(
    db: Session,
    keys: ServerKeys,
    *,
    purpose: str,
    language: str,
    recipient: str,
    params: Mapping[str, Any],
    now: datetime,
    wait: Wait = no_wait,
) -> UUID:
    """Store a mail in the caller's transaction; it is due when that is committed and its wait is over."""
    return add_all(db, keys, [NewMail(purpose, language, recipient, params)], now=now, wait=wait)[0]


def add_all(
    db: Session, keys: ServerKeys, mails: Sequence[NewMail], *, now: datetime, wait: Wait = no_wait
) -> list[UUID]:
    """Store many mails in the caller's transaction; each is due after a *wait* of its own."""
    rows = [
        {
            "id": (mail_id := uuid4()),
            "sealed": wrap(keys, mail, mail_id),
            "due_at": now + mail.delay + wait(),
            "created_at": now,
        }
        for mail in mails
    ]
    # Without ORM objects: this is part of every signature.
    db.connection().execute(_INSERT, rows)
    return [row["id"] for row in rows]  # type: ignore[misc]


def content(keys: ServerKeys, mail: OutboxMail) -> Content:
    """Decrypt the content of *mail*.

    Raises:
        WrongKeyError: It was stored under another secret key, was altered, or is erased.
    """
    return unwrap(keys, mail.sealed or b"", mail.id)


def claim(db: Session, *, limit: int, now: datetime, lease: timedelta = LEASE) -> list[OutboxMail]:
    """Claim up to *limit* due mails, longest due first; no other worker gets them until the lease ends."""
    due = (
        select(OutboxMail.id)
        .where(*_claimable(now))
        .order_by(OutboxMail.due_at)
        .limit(limit)
        # Other workers skip these rows instead of waiting for them; SQLite has one writer anyway.
        .with_for_update(skip_locked=True)
        .cte()  # otherwise PostgreSQL may run the query several times
    )
    claimed = (
        update(OutboxMail)
        .where(OutboxMail.id.in_(select(due.c.id)))
        .values(claimed_until=now + lease, attempts=OutboxMail.attempts + 1)
        .returning(OutboxMail)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return sorted(db.scalars(claimed), key=lambda mail: mail.due_at)


def renew_lease(db: Session, mail: OutboxMail, *, now: datetime, lease: timedelta = LEASE) -> bool:
    """Restart the lease of a claimed mail; return false when another worker has claimed it."""
    until = now + lease
    renewed = db.execute(
        update(OutboxMail)
        .where(OutboxMail.id == mail.id, OutboxMail.claimed_until == mail.claimed_until)
        .values(claimed_until=until)
        .returning(OutboxMail.id)
        .execution_options(synchronize_session=False)
    ).first()
    if renewed:
        mail.claimed_until = until
    return renewed is not None


def release(db: Session, mails: Iterable[OutboxMail]) -> None:
    """Undo the claim of mails that were not tried, so that any worker can claim them at once."""
    for mail in mails:
        db.execute(
            update(OutboxMail)
            .where(OutboxMail.id == mail.id, OutboxMail.claimed_until == mail.claimed_until)
            .values(claimed_until=None, attempts=OutboxMail.attempts - 1)
            .execution_options(synchronize_session=False)
        )


def delete_sent(db: Session | Connection, mail_id: UUID) -> None:
    """Delete a mail that a relay has accepted."""
    db.execute(_DELETE, {"mail_id": mail_id})


def has_due_mail(db: Session, *, now: datetime) -> bool:
    """Whether any mail can be claimed."""
    return bool(db.scalar(select(exists().where(*_claimable(now)))))


def _claimable(now: datetime) -> tuple[Any, ...]:
    return (
        OutboxMail.status == WAITING,
        OutboxMail.due_at <= now,
        or_(OutboxMail.claimed_until.is_(None), OutboxMail.claimed_until <= now),
    )
