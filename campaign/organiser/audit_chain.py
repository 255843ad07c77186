"""The audit log's chain: each entry has a MAC over its content and the MAC of the entry before it.

Somebody who writes to the database without the server's key cannot alter, add or remove an entry without
breaking the chain. Its end has a MAC in a row of its own, so that the last entries cannot be removed either.
What no chain shows: that the whole log, with its end, was put back to an earlier state.

An entry is chained just before its transaction commits, under a lock on that row: the last lock of the
transaction, so that none waits for it while holding another that is needed.
"""

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.session import Database
from campaign.database.table import Base, upsert
from campaign.organiser.audit_log import RECORDED, AuditEntry

KEY = "audit_key"
"""The name of the key in the ``info`` of databases and sessions; without one, entries are not chained."""

BATCH_ROWS = 1000

NO_MAC = b""
"""Stands for the MAC of the entry before the first one."""

BROKEN = b"broken"
"""Stands for the MAC of the entry before, when that is not certain: so a break stays one."""


class AuditEnd(Base):
    """The end of the chain, in the table's only row."""

    __tablename__ = "audit_end"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    number: Mapped[int]
    """Of the last entry."""
    entry_mac: Mapped[bytes]
    mac: Mapped[bytes]
    """Over the two above: otherwise an earlier entry could be made the last one."""


@dataclass(frozen=True)
class Break:
    """A place where the chain is broken."""

    number: int
    """Of the last entry that is certain; what follows it was altered, removed or added."""
    at: datetime | None
    """The time of that entry; ``None`` when none is certain."""


def use_key(of: Database | Session, key: bytes) -> None:
    """Chain the entries of a session, or of later sessions of a database, under *key*."""
    of.info[KEY] = key


def begin(db: Session, key: bytes) -> None:
    """Make the end of an empty chain, at the first start of a site."""
    if db.get(AuditEnd, 1) is None and db.scalar(select(AuditEntry.id).limit(1)) is None:
        db.add(AuditEnd(id=1, number=0, entry_mac=NO_MAC, mac=_end_mac(key, 0, NO_MAC)))


def verify(db: Session, key: bytes) -> Break | None:
    """Return the first place where the chain is broken."""
    number, mac, at = 0, NO_MAC, None
    for entry in _chained(db):
        if entry.number != number + 1 or not hmac.compare_digest(entry.mac or NO_MAC, _mac(key, mac, entry)):
            return Break(number, at)
        number, mac, at = entry.number, entry.mac, entry.at
    end = db.get(AuditEnd, 1, populate_existing=True)
    is_end = end is not None and (end.number, end.entry_mac) == (number, mac) and _is_valid(key, end)
    has_others = db.scalar(select(AuditEntry.id).where(AuditEntry.number.is_(None)).limit(1)) is not None
    return None if is_end and not has_others else Break(number, at)


def rechain(db: Session, old: bytes, new: bytes) -> None:
    """Chain all entries under another key; what was broken under the old one stays broken."""
    end = _locked_end(db)
    before, after = NO_MAC, NO_MAC
    for entry in list(_chained(db)):
        is_good = hmac.compare_digest(entry.mac or NO_MAC, _mac(old, before, entry))
        before, after = entry.mac or NO_MAC, _mac(new, after, entry) if is_good else BROKEN
        db.execute(update(AuditEntry).where(AuditEntry.number == entry.number).values(mac=after))
    is_good = _is_valid(old, end) and end.entry_mac == before
    end.entry_mac, end.mac = after, _end_mac(new, end.number, after) if is_good else BROKEN


def _chained(db: Session) -> Iterator[Any]:
    """Yield the chained entries in their order, without loading all at once."""
    columns = (AuditEntry.number, AuditEntry.mac, *_CONTENT)
    last = 0
    while True:
        query = select(*columns).where(AuditEntry.number > last).order_by(AuditEntry.number).limit(BATCH_ROWS)
        rows = db.execute(query).all()
        yield from rows
        if len(rows) < BATCH_ROWS:
            return
        last = rows[-1].number


_CONTENT = (AuditEntry.at, AuditEntry.organiser, AuditEntry.act, AuditEntry.about)


def _mac(key: bytes, before: bytes, entry: Any) -> bytes:
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    content = json.dumps([before.hex(), entry.number, at, entry.organiser, entry.act, entry.about])
    return hmac.digest(key, b"entry" + content.encode(), "sha256")


def _end_mac(key: bytes, number: int, entry_mac: bytes) -> bytes:
    return hmac.digest(key, b"end" + json.dumps([number, entry_mac.hex()]).encode(), "sha256")


def _is_valid(key: bytes, end: AuditEnd) -> bool:
    return hmac.compare_digest(end.mac, _end_mac(key, end.number, end.entry_mac))


def _locked_end(db: Session) -> AuditEnd:
    """Lock and return the end; without one, which is a break, one after all entries."""
    locked = select(AuditEnd).with_for_update()
    end = db.scalar(locked, execution_options={"populate_existing": True})
    if end is not None:
        return end
    number = db.scalar(select(func.max(AuditEntry.number))) or 0
    made = upsert(db, AuditEnd).values(id=1, number=number, entry_mac=BROKEN, mac=BROKEN)
    db.execute(made.on_conflict_do_nothing())
    return db.scalars(locked, execution_options={"populate_existing": True}).one()


@event.listens_for(Session, "before_commit", insert=True)
def _chain(db: Session) -> None:
    key = db.info.get(KEY)
    if key is None or RECORDED not in db.info or db.in_nested_transaction():
        return
    db.flush()
    added = [entry for entry in db.info.pop(RECORDED) if entry in db]
    if not added:
        return
    end = _locked_end(db)
    if not _is_valid(key, end):
        end.entry_mac = BROKEN
    for entry in added:
        end.number += 1
        entry.number = end.number
        entry.mac = end.entry_mac = _mac(key, end.entry_mac, entry)
    end.mac = _end_mac(key, end.number, end.entry_mac)


@event.listens_for(Session, "after_soft_rollback")
def _forget(db: Session, _transaction: object) -> None:
    if not db.in_nested_transaction():
        db.info.pop(RECORDED, None)
