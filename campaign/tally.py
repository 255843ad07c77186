"""The counts: kept in the transaction that confirms or withdraws, read without touching a signature."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import SmallInteger, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database import Base, upsert

SHARDS = 8
"""Rows that one count is spread over, so that no row is locked by everyone at once."""


class _Count:
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    confirmed: Mapped[int]
    withdrawn: Mapped[int]


class StateCount(_Count, Base):
    """Signatures of the letter to one participating state."""

    __tablename__ = "state_count"

    state_code: Mapped[str] = mapped_column(String(2), primary_key=True)


class DayCount(_Count, Base):
    """What was confirmed, and what was withdrawn, on one day."""

    __tablename__ = "day_count"

    state_code: Mapped[str] = mapped_column(String(2), primary_key=True)
    on: Mapped[date] = mapped_column(primary_key=True)


class ResidenceCount(_Count, Base):
    """Signatures of one letter by where the signatories live."""

    __tablename__ = "residence_count"

    state_code: Mapped[str] = mapped_column(String(2), primary_key=True)
    residence: Mapped[str] = mapped_column(String(2), primary_key=True)


Place = tuple[str, str]
"""State code and residence."""

_ADD: dict[tuple[str, type[Base]], Any] = {}


@dataclass(frozen=True)
class Day:
    """One day's two series."""

    on: date
    confirmed: int
    withdrawn: int


def add(
    db: Session, state_code: str, residence: str, *, on: date, confirmed: int = 0, withdrawn: int = 0
) -> None:
    """Count, in the caller's transaction, *confirmed* and *withdrawn* signatures more."""
    of = state_code, residence
    add_all(db, {of: confirmed} if confirmed else {}, {of: withdrawn} if withdrawn else {}, on=on)


def add_all(
    db: Session, confirmed: Mapping[Place, int], withdrawn: Mapping[Place, int] | None = None, *, on: date
) -> None:
    """Count many signatures more, with one statement for each table."""
    changes = [(place, number, 0) for place, number in confirmed.items()]
    changes += [(place, 0, number) for place, number in (withdrawn or {}).items()]
    if not changes:
        return
    shard = secrets.randbelow(SHARDS)
    by_state: dict[str, list[int]] = {}
    by_residence: dict[Place, list[int]] = {}
    for place, more, fewer in changes:
        for sums in (by_state.setdefault(place[0], [0, 0]), by_residence.setdefault(place, [0, 0])):
            sums[0] += more
            sums[1] += fewer
    # The order is the same everywhere, so that two transactions never wait for each other.
    states = sorted(by_state.items())
    _add(db, StateCount, [({"state_code": code, "shard": shard}, sums) for code, sums in states])
    _add(db, DayCount, [({"state_code": code, "on": on, "shard": shard}, sums) for code, sums in states])
    residences = sorted(by_residence.items())
    _add(
        db,
        ResidenceCount,
        [
            ({"state_code": code, "residence": residence, "shard": shard}, sums)
            for (code, residence), sums in residences
        ],
    )


def by_state(db: Session) -> dict[str, int]:
    """Return confirmed minus withdrawn for each state that has signatures."""
    return _standing(db, StateCount.state_code)


def of_state(db: Session, state_code: str) -> int:
    """Return confirmed minus withdrawn for one state."""
    query = select(func.sum(StateCount.confirmed - StateCount.withdrawn))
    return db.scalar(query.where(StateCount.state_code == state_code)) or 0


def total(db: Session) -> int:
    """Return confirmed minus withdrawn over all letters."""
    return db.scalar(select(func.sum(StateCount.confirmed - StateCount.withdrawn))) or 0


def by_residence(db: Session, state_code: str) -> dict[str, int]:
    """Return the signatures of the letter to *state_code* by residence."""
    return _standing(db, ResidenceCount.residence, ResidenceCount.state_code == state_code)


def withdrawn(db: Session, state_code: str) -> int:
    """Return how many confirmed signatures of the letter to *state_code* were withdrawn."""
    query = select(func.sum(StateCount.withdrawn)).where(StateCount.state_code == state_code)
    return db.scalar(query) or 0


def by_day(db: Session, state_code: str | None = None) -> list[Day]:
    """Return both series, oldest day first, for one letter or for all; days without any are absent."""
    query = select(DayCount.on, func.sum(DayCount.confirmed), func.sum(DayCount.withdrawn))
    if state_code is not None:
        query = query.where(DayCount.state_code == state_code)
    return [Day(*row) for row in db.execute(query.group_by(DayCount.on).order_by(DayCount.on))]


def _add(db: Session, table: type[Base], changes: Sequence[tuple[dict[str, Any], Sequence[int]]]) -> None:
    rows = [key | {"confirmed": sums[0], "withdrawn": sums[1]} for key, sums in changes]
    db.connection().execute(_statement(db, table, tuple(changes[0][0])), rows)


def _statement(db: Session, table: type[Base], key: tuple[str, ...]) -> Any:
    """Return the statement that adds to a count, made once: confirming is what comes in floods."""
    kind = db.get_bind().dialect.name, table
    if kind not in _ADD:
        insert, columns = upsert(db, table.__table__), table.__table__.c
        sums = {name: columns[name] + insert.excluded[name] for name in ("confirmed", "withdrawn")}
        _ADD[kind] = insert.on_conflict_do_update(index_elements=list(key), set_=sums)
    return _ADD[kind]


def _standing(db: Session, column: Any, *where: Any) -> dict[str, int]:
    table = column.class_
    count = func.sum(table.confirmed - table.withdrawn)
    rows: Sequence[Any] = db.execute(select(column, count).where(*where).group_by(column)).all()
    return {key: number for key, number in rows if number}
