"""The rows of deliveries, and which signature stood under which number in which of them."""

from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import (
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

from campaign.database.table import Base

PREPARED, SENDING, ACCEPTED, DELAYED = "prepared", "sending", "accepted", "delayed"
REFUSED, UNCERTAIN, BOUNCED, REPLIED = "refused", "uncertain", "bounced", "replied"

REACHED = frozenset({SENDING, ACCEPTED, UNCERTAIN, BOUNCED, REPLIED})
"""The relay took the message, or may have: only an organiser decides to send again."""

DELIVERED = frozenset({ACCEPTED, REPLIED})

LONGEST_SENDING = timedelta(minutes=15)
"""No message is in hand for longer; what still says so was interrupted."""


class Delivery(Base):
    """A letter with its list on the way to one delegation.

    The status only moves forward: prepared, sending, then accepted, delayed, refused or
    uncertain; accepted may become bounced or replied.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        # Two organisers at the same button: one message.
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
    """Made when the preview is shown, so that a form sent twice sends one message."""
    code: Mapped[str] = mapped_column(String(20), unique=True)
    """Printed on the cover; anyone can check it on the site."""
    state_code: Mapped[str] = mapped_column(String(2))
    status: Mapped[str] = mapped_column(String(10))
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
    """SHA-256 of the PDF that went along."""
    organiser: Mapped[str]
    message_id: Mapped[str]
    prepared_at: Mapped[datetime]
    sending_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    smtp_code: Mapped[int | None]
    """What the relay answered; 0 when it answered nothing."""
    replied_on: Mapped[date | None]
    note: Mapped[str] = mapped_column(default="")

    @property
    def sent_on(self) -> date | None:
        """The day the message was handed over."""
        return self.sending_at.date() if self.sending_at else None


class DeliveryRow(Base):
    """One number on a delivered list, and whose signature it was."""

    __tablename__ = "delivery_row"
    __table_args__ = (
        ForeignKeyConstraint(
            ["state_code", "signature_id"], ["signature.state_code", "signature.id"], ondelete="CASCADE"
        ),
        # It holds whatever is asked about a signature that fell away, so that no row is read for that.
        Index("ix_delivery_row_of_signature", "state_code", "signature_id", "notice_on", "delivery_id"),
    )

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("delivery.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    state_code: Mapped[str] = mapped_column(String(2))
    signature_id: Mapped[UUID]
    notice_on: Mapped[date | None]
    """When the delegation was told that this number no longer stands."""


def deliveries(state_code: str | None = None) -> Select[Delivery]:
    """Select deliveries, the latest first."""
    query = select(Delivery).order_by(Delivery.prepared_at.desc())
    return query if state_code is None else query.where(Delivery.state_code == state_code)


def by_code(db: Session, code: str) -> Delivery | None:
    """Return the delivery with this code that reached, or may have reached, its delegation."""
    return db.scalar(select(Delivery).where(Delivery.code == code, Delivery.status.in_(REACHED)))


def holding(db: Session, state_code: str, signature_id: UUID) -> list[tuple[Delivery, DeliveryRow]]:
    """Return the deliveries that hold this signature's name, each with its row."""
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


def settle_interrupted(db: Session, *, now: datetime) -> None:
    """Call *uncertain* what was being sent when its process died: only an organiser sends again."""
    db.execute(
        update(Delivery)
        .where(Delivery.status == SENDING, Delivery.sending_at < now - LONGEST_SENDING)
        .values(status=UNCERTAIN, settled_at=now, smtp_code=0)
    )
