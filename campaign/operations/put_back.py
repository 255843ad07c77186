"""Signatures that are there although this machine's journal says that they were withdrawn.

An earlier row that somebody puts back in the database has its MACs of then. A start withdraws it again.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.database.fact import read_fact, save_fact
from campaign.database.journal_file import Journal
from campaign.errors import JournalError
from campaign.operations.unreplayed import Unreplayed, unreplayed
from campaign.signature.model import Signature

logger = logging.getLogger(__name__)

_NAME = "put_back_signatures"

_CHECKED_AT_ONCE = 500


def count_put_back(db: Session, present: Journal | None) -> int:
    """Return how many there are; without a journal, or with a damaged one, which the doctor reports, 0."""
    with suppress(JournalError):
        return sum(put_back(db, unreplayed(db, [present]))) if present is not None else 0
    return 0


def put_back(db: Session, found: Unreplayed) -> Iterator[int]:
    """Yield the number of signatures that were withdrawn before the database's position, batch by batch.

    Of two lines with one number, the transaction of the first failed.
    """
    committed = {
        (line.part, line.number): line
        for part, lines in found.parts.items()
        for line in lines
        if line.number <= found.known.get(part, 0)
    }
    final = [
        (act["state"], UUID(act["id"]))
        for line in committed.values()
        for act in line.acts
        if act["act"] in (journal.WITHDRAW, journal.REPLACE)
    ]
    key, number = tuple_(Signature.state_code, Signature.id), select(func.count()).select_from(Signature)
    for at in range(0, len(final), _CHECKED_AT_ONCE):
        some = key.in_(final[at : at + _CHECKED_AT_ONCE])
        yield db.scalar(number.where(some, Signature.withdrawn_on.is_(None))) or 0


def checked(db: Session, found: Unreplayed) -> Unreplayed:
    """Return *found*; if a withdrawn signature is there, nothing is certain, and every line is replayed."""
    return replace(found, is_certain=False) if any(put_back(db, found)) else found


def note(db: Session, number: int) -> None:
    """Log and store how many were found."""
    if number:
        logger.error("%d withdrawn signatures were put back in the database: restart the site", number)
    save_fact(db, _NAME, str(number))


def last_count(db: Session) -> int:
    """Return how many the last count found."""
    return int(read_fact(db, _NAME) or 0)
