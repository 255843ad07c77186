"""What the worker compares each night, and ``campaign recount`` on command: counts, rows and journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from campaign.database.journal_file import Journal
from campaign.operations import put_back
from campaign.signature import altered, recount
from campaign.signature.recount import Difference


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What was found."""

    differences: Sequence[Difference]
    """Between counts and rows."""
    altered: int
    """Signatures that were edited in the database."""
    put_back: int
    """Withdrawn signatures that were put back there."""


def compare(db: Session, present: Journal | None) -> Comparison:
    """Compare in the snapshot of *db*, with this machine's journal; a million rows take some seconds."""
    return Comparison(
        differences=recount.compare(db),
        altered=altered.count_altered(db),
        put_back=put_back.count_put_back(db, present),
    )


def record(db: Session, found: Comparison, *, now: datetime) -> None:
    """Log and store what was *found*."""
    recount.record(db, found.differences, now=now)
    altered.note(db, found.altered)
    put_back.note(db, found.put_back)
