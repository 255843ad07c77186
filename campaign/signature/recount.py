"""Compare the counts with the rows; a difference is reported, not repaired silently."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from campaign.database.fact import read_fact, save_fact
from campaign.signature.count import DayCount, ResidenceCount, StateCount
from campaign.signature.model import Signature
from campaign.signature.select import not_set_aside

logger = logging.getLogger(__name__)

Figures = dict[tuple[str, ...], tuple[int, int]]
"""Confirmed and withdrawn signatures by the key of a count."""


@dataclass(frozen=True)
class Difference:
    """A count that does not equal the number of its rows."""

    of: tuple[str, ...]
    counted: tuple[int, int]
    rows: tuple[int, int]


def record(db: Session, differences: Sequence[Difference], *, now: datetime) -> None:
    """Log the *differences* that :func:`compare` found, and store their number."""
    for difference in differences:
        logger.error(
            "count of %s: %s counted, %s rows", "/".join(difference.of), difference.counted, difference.rows
        )
    save_fact(db, "recount", f"{now.isoformat()} {len(differences)}")


def compare(db: Session) -> list[Difference]:
    """Return every difference between counts and rows; a million rows take some seconds."""
    return [*_by_state(db), *_by_residence(db), *_by_day(db)]


def last(db: Session) -> tuple[datetime, int] | None:
    """Return the time of the last recount, and the number of differences that it found."""
    kept = read_fact(db, "recount")
    if kept is None:
        return None
    at, _, number = kept.partition(" ")
    return datetime.fromisoformat(at), int(number)


def _by_state(db: Session) -> list[Difference]:
    counted = _figures(
        db.execute(
            select(
                StateCount.state_code, func.sum(StateCount.confirmed), func.sum(StateCount.withdrawn)
            ).group_by(StateCount.state_code)
        )
    )
    rows = _figures(
        db.execute(
            select(Signature.state_code, *_confirmed_and_withdrawn())
            .where(Signature.confirmed_on.is_not(None), not_set_aside())
            .group_by(Signature.state_code)
        )
    )
    return _differences(counted, rows)


def _by_residence(db: Session) -> list[Difference]:
    keys = ResidenceCount.state_code, ResidenceCount.residence
    counted = _figures(
        db.execute(
            select(*keys, func.sum(ResidenceCount.confirmed), func.sum(ResidenceCount.withdrawn)).group_by(
                *keys
            )
        )
    )
    rows = _figures(
        db.execute(
            select(Signature.state_code, Signature.residence, *_confirmed_and_withdrawn())
            .where(Signature.confirmed_on.is_not(None), not_set_aside())
            .group_by(Signature.state_code, Signature.residence)
        )
    )
    return _differences(counted, rows)


def _by_day(db: Session) -> list[Difference]:
    keys = DayCount.state_code, DayCount.on
    counted = _figures(
        db.execute(select(*keys, func.sum(DayCount.confirmed), func.sum(DayCount.withdrawn)).group_by(*keys))
    )
    figures: dict[tuple[str, ...], list[int]] = {}
    for series, column in enumerate((Signature.confirmed_on, Signature.withdrawn_on)):
        query = (
            select(Signature.state_code, column, func.count())
            .where(Signature.confirmed_on.is_not(None), column.is_not(None), not_set_aside())
            .group_by(Signature.state_code, column)
        )
        for state_code, on, number in db.execute(query):
            figures.setdefault((state_code, str(on)), [0, 0])[series] = number
    return _differences(counted, {key: (each[0], each[1]) for key, each in figures.items()})


def _confirmed_and_withdrawn() -> tuple[ColumnElement[int], ColumnElement[int]]:
    return func.count(), func.count(Signature.withdrawn_on)


def _figures(rows: Iterable[Any]) -> Figures:
    return {tuple(str(part) for part in row[:-2]): (int(row[-2]), int(row[-1])) for row in rows}


def _differences(counted: Figures, rows: Figures) -> list[Difference]:
    return [
        Difference(of=key, counted=counted.get(key, (0, 0)), rows=rows.get(key, (0, 0)))
        for key in sorted(counted.keys() | rows.keys())
        if counted.get(key, (0, 0)) != rows.get(key, (0, 0))
    ]
