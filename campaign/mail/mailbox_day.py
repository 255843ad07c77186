"""How many mails a mailbox was sent on one day: nobody gets many, whoever asks for them."""

from datetime import date
from typing import Any

from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database import Base, upsert

_COUNT: dict[str, Any] = {}


class MailboxDay(Base):
    """How many mails one mailbox was sent on one day."""

    __tablename__ = "mailbox_day"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    """HMAC of day and address: of no use to whoever does not know the address, nor on another day."""
    on: Mapped[date] = mapped_column(index=True)
    sent: Mapped[int]


def may_send(db: Session, mailbox: bytes, *, on: date, at_most: int = 5) -> bool:
    """Count one more mail to *mailbox* on that day, and say whether it is within the limit."""
    row = {"digest": mailbox, "on": on, "sent": 1}
    number: int = db.connection().execute(_statement(db), row).scalar_one()
    return number <= at_most


def _statement(db: Session) -> Any:
    """Return the statement that counts a mail, made once for each kind of database."""
    dialect = db.get_bind().dialect.name
    if dialect not in _COUNT:
        table = MailboxDay.__table__
        _COUNT[dialect] = (
            upsert(db, table)
            .on_conflict_do_update(index_elements=["digest"], set_={"sent": table.c.sent + 1})
            .returning(table.c.sent)
        )
    return _COUNT[dialect]
