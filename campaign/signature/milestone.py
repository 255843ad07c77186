"""Milestones of the public figures, with the day on which each was published.

They come from the published figures alone, and have a day and no time, so they tell nothing that the
figures do not tell.
"""

import json
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from sqlalchemy.orm import Session

from campaign.database.fact import read_fact, save_fact

FIGURES = (100, 500, 1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000)

ALL = ""
"""In place of a state's code: the sum over all letters."""

_FACT = "milestones"


class Milestone(NamedTuple):
    """A round number of signatures that a public figure reached."""

    state_code: str
    """Or :data:`ALL`."""
    figure: int
    reached_on: date


def note(db: Session, published: Mapping[str, int], *, on: date) -> None:
    """Store the highest milestone that each public figure reached for the first time; the caller commits."""
    known = _read(db)
    figures = {**published, ALL: sum(published.values())}
    is_new = False
    for code, figure in figures.items():
        passed = [each for each in FIGURES if each <= figure]
        reached = known.setdefault(code, {})
        if passed and passed[-1] > max(map(int, reached), default=0):
            reached[str(passed[-1])] = on.isoformat()
            is_new = True
    if is_new:
        save_fact(db, _FACT, json.dumps(known, sort_keys=True))


def milestones(db: Session, state_code: str) -> list[Milestone]:
    """Return the milestones of a state's letter, or of :data:`ALL`."""
    reached = _read(db).get(state_code, {})
    return [Milestone(state_code, int(figure), date.fromisoformat(on)) for figure, on in reached.items()]


def _read(db: Session) -> dict[str, dict[str, str]]:
    stored: dict[str, dict[str, str]] = json.loads(read_fact(db, _FACT) or "{}")
    return stored
