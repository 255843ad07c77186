"""The second step of an emergency: what no key opens any more is taken out of every row."""

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
from campaign.organiser.audit_log import COMMAND_LINE, AuditEntry
from campaign.sealing import campaign_key
from campaign.signature.erase import BATCH_ROWS, erase_personal_data
from campaign.signature.invalidation import Invalidation
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.select import has_public_name

SCRUBBED_AT = "scrubbed_at"
"""The mark in ``site`` that nothing personal is left in any row, nor in a gap between rows."""

WALKED: tuple[type[Base], ...] = (Signature, SignatureToken, Invalidation, DeliveryRow)

NAMED: tuple[InstrumentedAttribute[Any], ...] = (
    AuditEntry.organiser,
    Delivery.organiser,
    Delegation.entered_by,
    Invalidation.organiser,
    Invalidation.undone_by,
)
"""The columns in which organisers stand by name."""


def is_unfinished(db: Session) -> bool:
    """Whether the keys were destroyed and rows still wait to be scrubbed."""
    return campaign_key.destroyed_at(db) is not None and read_fact(db, SCRUBBED_AT) is None


def steps(db: Session) -> int:
    """Return in how many steps :func:`scrub` goes through the tables as they are."""
    names = db.scalar(select(func.count()).select_from(Signature).where(has_public_name())) or 0
    return 1 + names // BATCH_ROWS + 1 + sum(batch.count(db, table) for table in WALKED)


def scrub(db: Session) -> Iterator[int]:
    """Scrub every row a step at a time; yield how many rows each was. The caller commits after each.

    Counts, hashes, days, residences and what the deliveries were stay. Broken off, it is begun
    again, and hurries over what is done; at its end :func:`finish` is due.
    """
    yield _forget_organisers(db)
    yield from erase_personal_data(db)
    yield from batch.delete(db, DeliveryRow)


def finish(database: Database, *, now: datetime) -> bool:
    """Write the scrubbed tables anew, and note that all is done; say whether it is."""
    if not database_residue.write_anew(database):
        return False
    with database.writing() as db:
        save_fact(db, SCRUBBED_AT, now.isoformat())
    return True


def _forget_organisers(db: Session) -> int:
    """Call organisers by numbers, the same one everywhere, and drop what they noted of replies."""
    # In one transaction: what organisers do are thousands of rows, not millions.
    numbered = {name: f"organiser {number}" for number, name in enumerate(_names(db), start=1)}
    touched = batch.execute(db, update(Delivery).where(Delivery.note != "").values(note=""))
    if not numbered:
        return touched
    touched += _forget_mentions(db, numbered)
    for column in NAMED:
        # All names at once: somebody may be called what another one is to be called.
        renamed = update(column.class_).where(column.in_(list(numbered)))
        touched += batch.execute(db, renamed.values({column: case(numbered, value=column, else_=column)}))
    return touched


def _names(db: Session) -> list[str]:
    """Return every name that stands somewhere, in the order in which the log first has it."""
    first = select(AuditEntry.organiser, func.min(AuditEntry.at)).group_by(AuditEntry.organiser)
    in_log = [name for name, _at in sorted(db.execute(first), key=lambda row: row[1])]
    everywhere = db.scalars(union_all(*(select(column).distinct() for column in NAMED)))
    names = dict.fromkeys([*in_log, *sorted(name for name in everywhere if name)])
    return [name for name in names if name != COMMAND_LINE]


def _forget_mentions(db: Session, numbered: dict[str, str]) -> int:
    """Call organisers by their numbers also where the log says what was done to them."""
    longest_first = sorted(numbered, key=len, reverse=True)
    name = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
    mentioned = or_(*(AuditEntry.about.contains(each, autoescape=True) for each in numbered))
    entries = db.scalars(select(AuditEntry).where(mentioned)).all()
    for entry in entries:
        entry.about = name.sub(lambda found: numbered[found.group()], entry.about)
    db.flush()
    return len(entries)
