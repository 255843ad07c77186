"""Second step of an emergency: erase personal data, which no key opens any more, from every row."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, or_, select, union_all, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from campaign.database import batch
from campaign.database.fact import read_fact, save_fact
from campaign.database.session import Database
from campaign.database.table import Base
from campaign.delivery.delegation import Delegation
from campaign.delivery.model import Delivery, DeliveryRow
from campaign.operations.emergency import database_residue
from campaign.operations.emergency.destroy_keys import EMPTIED, WRAPPED
from campaign.organiser.audit_log import COMMAND_LINE, AuditEntry
from campaign.sealing import campaign_key
from campaign.signature.erase import BATCH_ROWS, erase_personal_data
from campaign.signature.invalidation import Invalidation
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.select import has_public_name

SCRUBBED_AT = "scrubbed_at"
"""The fact that no personal data is left in rows or in the database's files."""

LEFT: tuple[type[Base], ...] = tuple(table for table in EMPTIED if table not in WRAPPED)
"""Tables that may be left full where a disk had little room for the destruction of the keys."""

BATCHED: tuple[type[Base], ...] = (*LEFT, Signature, SignatureToken, Invalidation, DeliveryRow)
"""Tables that are scrubbed in batches."""

ORGANISER_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    AuditEntry.organiser,
    Delivery.organiser,
    Delegation.entered_by,
    Invalidation.organiser,
    Invalidation.undone_by,
)
"""Columns with names of organisers."""


def is_unfinished(db: Session) -> bool:
    """Whether the keys were destroyed, so that none is left, and rows are not all scrubbed."""
    return campaign_key.destroyed_at(db) is not None and read_fact(db, SCRUBBED_AT) is None


def count_steps(db: Session) -> int:
    """Return the number of steps that :func:`scrub` will take."""
    names = db.scalar(select(func.count()).select_from(Signature).where(has_public_name())) or 0
    return 1 + names // BATCH_ROWS + 1 + sum(batch.count(db, table) for table in BATCHED)


def scrub(db: Session) -> Iterator[int]:
    """Scrub every row; yield the number of changed rows per step. The caller commits after each step.

    Counts, hashes, days, residences and deliveries stay. An interrupted scrub can be started
    again, and passes scrubbed rows quickly. After the last step call :func:`finish`.
    """
    for table in LEFT:
        yield from batch.delete(db, table)
    yield _anonymise_organisers(db)
    yield from erase_personal_data(db)
    yield from batch.delete(db, DeliveryRow)


def finish(database: Database, *, now: datetime) -> bool:
    """Rewrite the database's files and record the end of the scrub; return whether that succeeded."""
    if not database_residue.rewrite_files(database):
        return False
    with database.writing() as db:
        save_fact(db, SCRUBBED_AT, now.isoformat())
    return True


def _anonymise_organisers(db: Session) -> int:
    """Replace organisers' names by numbers, the same everywhere, and delete the texts of replies."""
    # In one transaction: these are thousands of rows, not millions.
    numbered = {name: f"organiser {number}" for number, name in enumerate(_names(db), start=1)}
    has_text = or_(Delivery.note != "", Delivery.public_reply != "")
    touched = batch.execute(db, update(Delivery).where(has_text).values(note="", public_reply=""))
    if not numbered:
        return touched
    touched += _anonymise_mentions(db, numbered)
    # The chain would show guessed names to somebody who had the secret key.
    db.execute(update(AuditEntry).values(number=None, mac=None))
    for column in ORGANISER_COLUMNS:
        # All names in one statement: a name may equal another organiser's replacement.
        renamed = update(column.class_).where(column.in_(list(numbered)))
        touched += batch.execute(db, renamed.values({column: case(numbered, value=column, else_=column)}))
    return touched


def _names(db: Session) -> list[str]:
    """Return every organiser's name, in the order of its first entry in the audit log."""
    first = select(AuditEntry.organiser, func.min(AuditEntry.at)).group_by(AuditEntry.organiser)
    in_log = [name for name, _at in sorted(db.execute(first), key=lambda row: row[1])]
    everywhere = db.scalars(union_all(*(select(column).distinct() for column in ORGANISER_COLUMNS)))
    names = dict.fromkeys([*in_log, *sorted(name for name in everywhere if name)])
    return [name for name in names if name != COMMAND_LINE]


def _anonymise_mentions(db: Session, numbered: dict[str, str]) -> int:
    """Replace organisers' names in the texts of the audit log."""
    longest_first = sorted(numbered, key=len, reverse=True)
    name = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
    mentioned = or_(*(AuditEntry.about.contains(each, autoescape=True) for each in numbered))
    entries = db.scalars(select(AuditEntry).where(mentioned)).all()
    for entry in entries:
        entry.about = name.sub(lambda found: numbered[found.group()], entry.about)
    db.flush()
    return len(entries)
