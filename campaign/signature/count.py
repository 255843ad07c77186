"""The counts: kept in the transaction that confirms or withdraws, read without touching a signature."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import SmallInteger, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, upsert

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
    if confirmed or withdrawn:
        _count(db, {(state_code, residence, on): [confirmed, withdrawn]})


def add_all(db: Session, confirmed: Mapping[Place, int], *, on: date) -> None:
    """Count many signatures more that were confirmed on one day."""
    _count(
        db,
        {(state_code, residence, on): [number, 0] for (state_code, residence), number in confirmed.items()},
    )


def add_over_days(db: Session, confirmed: Mapping[tuple[str, str, date], int]) -> None:
    """Count many signatures more, or with negative numbers less, by state, residence and day."""
    _count(db, {of: [number, 0] for of, number in confirmed.items()})


def _count(db: Session, changes: Mapping[tuple[str, str, date], Sequence[int]]) -> None:
    """Add to all three counts, with one statement for each."""
    if not changes:
        return
    shard = secrets.randbelow(SHARDS)
    states, days, residences = (_sums(changes, parts) for parts in ((0,), (0, 2), (0, 1)))
    # Tables and rows in the same order everywhere, so that two transactions never wait for each other;
    # and one call for each transaction, since the next one would draw another shard.
    _add(db, StateCount, [({"state_code": code, "shard": shard}, each) for (code,), each in states])
    _add(db, DayCount, [({"state_code": code, "on": on, "shard": shard}, each) for (code, on), each in days])
    _add(
        db,
        ResidenceCount,
        [
            ({"state_code": code, "residence": residence, "shard": shard}, each)
            for (code, residence), each in residences
        ],
    )


def _sums(
    changes: Mapping[tuple[str, str, date], Sequence[int]], parts: Sequence[int]
) -> list[tuple[tuple[Any, ...], list[int]]]:
    """Return what each count changes by, in order, that is kept by these *parts* of the key."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for key, (confirmed, withdrawn) in changes.items():
        both = sums.setdefault(tuple(key[part] for part in parts), [0, 0])
        both[0] += confirmed
        both[1] += withdrawn
    return sorted(sums.items())


def by_state(db: Session) -> dict[str, int]:
    """Return confirmed minus withdrawn for each state that has signatures."""
    return _net(db, StateCount.state_code)


def of_state(db: Session, state_code: str) -> int:
    """Return confirmed minus withdrawn for one state."""
    query = select(func.sum(StateCount.confirmed - StateCount.withdrawn))
    return db.scalar(query.where(StateCount.state_code == state_code)) or 0


def total(db: Session) -> int:
    """Return confirmed minus withdrawn over all letters."""
    return db.scalar(select(func.sum(StateCount.confirmed - StateCount.withdrawn))) or 0


def by_residence(db: Session, state_code: str) -> dict[str, int]:
    """Return the signatures of the letter to *state_code* by residence."""
    return _net(db, ResidenceCount.residence, ResidenceCount.state_code == state_code)


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


def _net(db: Session, column: Any, *where: Any) -> dict[str, int]:
    table = column.class_
    count = func.sum(table.confirmed - table.withdrawn)
    rows: Sequence[Any] = db.execute(select(column, count).where(*where).group_by(column)).all()
    return {key: number for key, number in rows if number}
