"""Deliveries, the transitions of their status, and the numbered signatures on their lists."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Select,
    String,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database import journal
from campaign.database.table import Base

PREPARED, SENDING, ACCEPTED, DELAYED = "prepared", "sending", "accepted", "delayed"
REFUSED, UNCERTAIN, BOUNCED, REPLIED = "refused", "uncertain", "bounced", "replied"

TRANSITIONS: Mapping[str, frozenset[str]] = {
    PREPARED: frozenset({SENDING, DELAYED, REFUSED}),
    SENDING: frozenset({ACCEPTED, DELAYED, REFUSED, UNCERTAIN}),
    ACCEPTED: frozenset({BOUNCED, REPLIED}),
    UNCERTAIN: frozenset({BOUNCED, REPLIED}),
    BOUNCED: frozenset({REPLIED}),
    REPLIED: frozenset({REPLIED}),
    DELAYED: frozenset(),
    REFUSED: frozenset(),
}
"""The statuses that may follow each status. Sending again makes another delivery."""

REACHED = frozenset({SENDING, ACCEPTED, UNCERTAIN, BOUNCED, REPLIED})
"""The relay accepted the message, or may have: only an organiser decides to send again."""

DELIVERED = frozenset({ACCEPTED, REPLIED})

LONGEST_SENDING = timedelta(minutes=15)
"""After this time a delivery that is still *sending* was interrupted."""


class Delivery(Base):
    """A letter with its list on the way to one delegation."""

    __tablename__ = "delivery"
    __table_args__ = (
        # If two organisers send at the same time, one message goes out.
        Index(
            "uq_delivery_sending",
            "state_code",
            unique=True,
            sqlite_where=text("status = 'sending'"),
            postgresql_where=text("status = 'sending'"),
        ),
        Index("ix_delivery_state_code", "state_code", "prepared_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    """Created for the preview, so that a form submitted twice sends one message."""
    code: Mapped[str] = mapped_column(String(20), unique=True)
    """Printed on the cover; anyone can check it on the site."""
    state_code: Mapped[str] = mapped_column(String(2))
    status: Mapped[str] = mapped_column(String(10))
    """A key of :data:`TRANSITIONS`; changed by :func:`advance` only."""
    edition: Mapped[int]
    language: Mapped[str] = mapped_column(String(2))
    recipient: Mapped[str] = mapped_column(String(254))
    total: Mapped[int]
    """Signatures that counted when the list was made."""
    named: Mapped[int]
    """Names on the list."""
    letter_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the letter as text, UTF-8, without anybody's own words."""
    list_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the PDF that was attached."""
    organiser: Mapped[str]
    message_id: Mapped[str]
    prepared_at: Mapped[datetime]
    sending_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    """When the relay's answer, the interruption or the bounce was recorded."""
    smtp_code: Mapped[int | None]
    """The relay's reply code; 0 if there was no reply."""
    replied_on: Mapped[date | None]
    note: Mapped[str] = mapped_column(default="")
    """What the reply says, for organisers."""
    public_reply: Mapped[str] = mapped_column(default="")
    """What the site publishes of the reply."""

    @property
    def sent_on(self) -> date | None:
        """The day on which sending began."""
        return self.sending_at.date() if self.sending_at else None


class DeliveryRow(Base):
    """One number on a delivered list, and its signature."""

    __tablename__ = "delivery_row"
    __table_args__ = (
        ForeignKeyConstraint(
            ["state_code", "signature_id"], ["signature.state_code", "signature.id"], ondelete="CASCADE"
        ),
        # A covering index: looking for withdrawn or invalidated signatures reads no row.
        Index("ix_delivery_row_of_signature", "state_code", "signature_id", "notice_on", "delivery_id"),
    )

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("delivery.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    state_code: Mapped[str] = mapped_column(String(2))
    signature_id: Mapped[UUID]
    notice_on: Mapped[date | None]
    """The day on which the delegation was notified that this number is to be struck."""


def deliveries(state_code: str | None = None) -> Select[Delivery]:
    """Select all deliveries, or those to one delegation, the latest first."""
    query = select(Delivery).order_by(Delivery.prepared_at.desc())
    return query if state_code is None else query.where(Delivery.state_code == state_code)


def by_code(db: Session, code: str) -> Delivery | None:
    """Return the delivery with this code that reached, or may have reached, its delegation."""
    return db.scalar(select(Delivery).where(Delivery.code == code, Delivery.status.in_(REACHED)))


def ids_by_code(db: Session, codes: Iterable[str]) -> dict[str, UUID]:
    """Return the id of each delivery whose code is among *codes*."""
    query = select(Delivery.code, Delivery.id).where(Delivery.code.in_(codes))
    return {row.code: row.id for row in db.execute(query)}


def latest_with_names(db: Session, state_code: str) -> Delivery | None:
    """Return the latest delivery to a state whose list had names and may have been sent."""
    return db.scalar(
        deliveries(state_code).where(Delivery.named > 0, Delivery.sending_at.is_not(None)).limit(1)
    )


def group_by_state(latest_first: Iterable[Delivery]) -> dict[str, list[Delivery]]:
    """Return the deliveries of each state, by its code, in the order given."""
    by_state: dict[str, list[Delivery]] = {}
    for delivery in latest_first:
        by_state.setdefault(delivery.state_code, []).append(delivery)
    return by_state


def with_signature(db: Session, state_code: str, signature_id: UUID) -> list[tuple[Delivery, DeliveryRow]]:
    """Return the deliveries whose list has this signature, oldest first, each with its row."""
    query = (
        select(Delivery, DeliveryRow)
        .join(DeliveryRow, DeliveryRow.delivery_id == Delivery.id)
        .where(
            DeliveryRow.state_code == state_code,
            DeliveryRow.signature_id == signature_id,
            Delivery.status.in_(REACHED),
        )
        .order_by(Delivery.prepared_at)
    )
    return [(delivery, row) for delivery, row in db.execute(query)]


def advance(db: Session, to: str, *which: ColumnElement[bool], **values: Any) -> list[UUID]:
    """Change the status of deliveries to *to* where :data:`TRANSITIONS` allows it; return their IDs.

    The check is in the UPDATE's WHERE: of two simultaneous changes that exclude each other, one has
    no effect.

    Args:
        db: The session.
        to: The new status.
        which: Conditions that select the deliveries.
        values: Other columns to set.
    """
    allowed_from = [status for status, following in TRANSITIONS.items() if to in following]
    changed = update(Delivery).where(*which, Delivery.status.in_(allowed_from)).values(status=to, **values)
    ids = list(db.scalars(changed.returning(Delivery.id)))
    for each in ids if to != SENDING else ():
        outcome = {name: str(values[name]) for name in ("settled_at", "replied_on") if values.get(name)}
        journal.record(db, journal.OUTCOME, id=each, status=to, smtp_code=values.get("smtp_code"), **outcome)
    return ids


def mark_interrupted(db: Session, *, now: datetime) -> None:
    """Change the status of interrupted deliveries to *uncertain*; only an organiser sends again."""
    is_interrupted = Delivery.sending_at < now - LONGEST_SENDING
    advance(db, UNCERTAIN, is_interrupted, settled_at=now, smtp_code=0)
