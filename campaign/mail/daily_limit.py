"""How many mails a mailbox was sent on one day: nobody gets many, whoever asks for them."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, upsert

AT_MOST = 5
"""Mails to one mailbox on one day."""

_COUNT: dict[str, Any] = {}


class MailboxDay(Base):
    """How many mails one mailbox was sent on one day."""

    __tablename__ = "mailbox_day"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    """HMAC of day and address: of no use to whoever does not know the address, nor on another day."""
    on: Mapped[date] = mapped_column(index=True)
    sent: Mapped[int]


def may_send(db: Session, mailbox: bytes, *, on: date) -> bool:
    """Count one more mail to *mailbox* on that day, and say whether it is within the limit."""
    return may_send_all(db, [mailbox], on=on)[0]


def may_send_all(db: Session, mailboxes: Sequence[bytes], *, on: date) -> list[bool]:
    """Do the same for many mails, in their order, with one statement."""
    times = Counter(mailboxes)
    # In one order, so that two transactions with the same mailboxes wait instead of deadlocking.
    rows = [{"digest": each, "on": on, "sent": times[each]} for each in sorted(times)]
    found = db.connection().execute(_statement(db), rows)
    sent = {digest: number - times[digest] for digest, number in found}
    allowed = []
    for mailbox in mailboxes:
        sent[mailbox] += 1
        allowed.append(sent[mailbox] <= AT_MOST)
    return allowed


def _statement(db: Session) -> Any:
    """Return the statement that counts a mail, made once for each kind of database."""
    dialect = db.get_bind().dialect.name
    if dialect not in _COUNT:
        table = MailboxDay.__table__
        insert = upsert(db, table)
        _COUNT[dialect] = insert.on_conflict_do_update(
            index_elements=["digest"], set_={"sent": table.c.sent + insert.excluded.sent}
        ).returning(table.c.digest, table.c.sent)
    return _COUNT[dialect]
