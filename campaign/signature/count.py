"""Counts of signatures, updated in the transaction that confirms or withdraws, and read from few rows."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import SmallInteger, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base, built_once, upsert

SHARDS = 8
"""Rows per count, so that transactions at the same moment rarely wait for the same row."""


class _Count:
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    confirmed: Mapped[int]
    withdrawn: Mapped[int]


class StateCount(_Count, Base):
    """Signatures by letter, which has one participating state."""

    __tablename__ = "state_count"

    state_code: Mapped[str] = mapped_column(String(2), primary_key=True)


class DayCount(_Count, Base):
    """Signatures by letter and day of confirmation or withdrawal."""

    __tablename__ = "day_count"

    state_code: Mapped[str] = mapped_column(String(2), primary_key=True)
    on: Mapped[date] = mapped_column(primary_key=True)


class ResidenceCount(_Count, Base):
    """Signatures by letter and the signatory's residence."""

    __tablename__ = "residence_count"

    state_code: Mapped[str] = mapped_column(String(2), primary_key=True)
    residence: Mapped[str] = mapped_column(String(2), primary_key=True)


CountKey = tuple[str, str, date]
"""State code, residence and day."""


@dataclass(frozen=True)
class Day:
    """Signatures confirmed, and withdrawn, on one day."""

    on: date
    confirmed: int
    withdrawn: int


def add(
    db: Session, state_code: str, residence: str, *, on: date, confirmed: int = 0, withdrawn: int = 0
) -> None:
    """Add to the counts of one letter, in the caller's transaction; negative numbers subtract."""
    add_all(db, {(state_code, residence, on): (confirmed, withdrawn)})


def add_all(db: Session, changes: Mapping[CountKey, tuple[int, int]]) -> None:
    """Add confirmed and withdrawn signatures to all three counts, with one statement for each.

    Call it once per transaction: each call draws a shard of its own, and two transactions that
    lock several shards could deadlock.
    """
    if not any(confirmed or withdrawn for confirmed, withdrawn in changes.values()):
        return
    shard = secrets.randbelow(SHARDS)
    # Tables and rows in the same order everywhere, so that transactions wait instead of deadlocking.
    _add(db, StateCount, shard, ("state_code",), _sums(changes, (0,)))
    _add(db, DayCount, shard, ("state_code", "on"), _sums(changes, (0, 2)))
    _add(db, ResidenceCount, shard, ("state_code", "residence"), _sums(changes, (0, 1)))


def _sums(
    changes: Mapping[CountKey, tuple[int, int]], parts: Sequence[int]
) -> list[tuple[tuple[Any, ...], list[int]]]:
    """Return *changes* summed by these *parts* of their keys, sorted."""
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
    """Return the number of confirmed signatures of the letter to *state_code* that were withdrawn."""
    query = select(func.sum(StateCount.withdrawn)).where(StateCount.state_code == state_code)
    return db.scalar(query) or 0


def by_day(db: Session, state_code: str | None = None) -> list[Day]:
    """Return the daily numbers, oldest day first, of one letter or of all; days without any are absent."""
    query = select(DayCount.on, func.sum(DayCount.confirmed), func.sum(DayCount.withdrawn))
    if state_code is not None:
        query = query.where(DayCount.state_code == state_code)
    return [Day(*row) for row in db.execute(query.group_by(DayCount.on).order_by(DayCount.on))]


def _add(
    db: Session,
    table: type[Base],
    shard: int,
    columns: tuple[str, ...],
    sums: Sequence[tuple[tuple[Any, ...], Sequence[int]]],
) -> None:
    rows = [
        dict(zip(columns, key, strict=True)) | {"shard": shard, "confirmed": both[0], "withdrawn": both[1]}
        for key, both in sums
    ]
    db.connection().execute(_statement(db, table, (*columns, "shard")), rows)


@built_once
def _statement(db: Session, table: type[Base], key: tuple[str, ...]) -> Any:
    """Return the statement that adds to a count."""
    insert, columns = upsert(db, table.__table__), table.__table__.c
    sums = {name: columns[name] + insert.excluded[name] for name in ("confirmed", "withdrawn")}
    return insert.on_conflict_do_update(index_elements=list(key), set_=sums)


def _net(db: Session, column: Any, *where: Any) -> dict[str, int]:
    table = column.class_
    count = func.sum(table.confirmed - table.withdrawn)
    rows: Sequence[Any] = db.execute(select(column, count).where(*where).group_by(column)).all()
    return {key: number for key, number in rows if number}
