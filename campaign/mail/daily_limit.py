"""Limits how many mails one mailbox gets in a day."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, upsert

MAILS_A_DAY = 5
"""To one mailbox."""

_statements: dict[str, Any] = {}


class MailboxDay(Base):
    """How many mails were reserved for one mailbox on one day."""

    __tablename__ = "mailbox_day"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    """HMAC of day and address: useless without the address, and on any other day."""
    on: Mapped[date] = mapped_column(index=True)
    sent: Mapped[int]


def reserve_mails(db: Session, mailboxes: Sequence[bytes], *, on: date) -> list[bool]:
    """Count one more mail to each of *mailboxes* on that day, with one statement.

    Returns, in the same order, whether each is within the limit.
    """
    requested = Counter(mailboxes)
    # Sorted, so that two transactions with the same mailboxes wait for each other instead of deadlocking.
    rows = [{"digest": each, "on": on, "sent": requested[each]} for each in sorted(requested)]
    found = db.connection().execute(_statement(db), rows)
    sent = {digest: number - requested[digest] for digest, number in found}
    allowed = []
    for mailbox in mailboxes:
        sent[mailbox] += 1
        allowed.append(sent[mailbox] <= MAILS_A_DAY)
    return allowed


def _statement(db: Session) -> Any:
    """Return the statement that counts mails, built once for each kind of database."""
    dialect = db.get_bind().dialect.name
    if dialect not in _statements:
        table = MailboxDay.__table__
        insert = upsert(db, table)
        _statements[dialect] = insert.on_conflict_do_update(
            index_elements=["digest"], set_={"sent": table.c.sent + insert.excluded.sent}
        ).returning(table.c.digest, table.c.sent)
    return _statements[dialect]
