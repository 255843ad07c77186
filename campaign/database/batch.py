"""Walking through a whole table by its key, a stretch at a time, so that no transaction is long."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, Delete, Table, Update, and_, delete, func, select, true, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from campaign.database.table import Base

STRETCH = 5000
"""Rows that one transaction walks over, so that nobody who signs meanwhile waits long."""


def change(
    db: Session, table: type[Base], where: ColumnElement[bool], values: Mapping[str, Any]
) -> Iterator[int]:
    """Set *values* in every row of *table* that is meant; yield for each stretch how many there were.

    The caller commits after each. A walk that is broken off may be begun again: rows that
    *where* does not mean any more cost little.
    """
    for stretch in _stretches(db, table):
        yield run(db, update(table).where(stretch, where).values(values))


def remove(db: Session, table: type[Base]) -> Iterator[int]:
    """Delete every row of *table*; else as :func:`change`."""
    for stretch in _stretches(db, table):
        yield run(db, delete(table).where(stretch))


def run(db: Session, statement: Update | Delete) -> int:
    """Execute *statement*, and return how many rows it touched."""
    result = db.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return result.rowcount


def number(db: Session, table: type[Base]) -> int:
    """Return in how many stretches *table* is walked through as it is."""
    leading, _last = _key(table)
    rows = select(func.count()).select_from(table)
    sizes = db.scalars(rows if leading is None else rows.group_by(leading))
    return sum(size // STRETCH + 1 for size in sizes)


def _stretches(db: Session, table: type[Base]) -> Iterator[ColumnElement[bool]]:
    # Within one value of the key's first column: of ranges of two columns PostgreSQL weighs the first
    # alone, and then reads a whole letter by another index for each of its stretches.
    leading, last = _key(table)
    if leading is None:
        yield from _stretches_of(db, last, true())
        return
    first = select(leading).order_by(leading, last).limit(1)
    value = db.scalar(first)
    while value is not None:
        yield from _stretches_of(db, last, leading == value)
        value = db.scalar(first.where(leading > value))


def _stretches_of(db: Session, last: Column[Any], part: ColumnElement[bool]) -> Iterator[ColumnElement[bool]]:
    # Bounds are looked up in the key's own index: offsets from the start, or conditions that
    # rows stop to meet, would make each stretch dearer than the one before.
    beyond = part
    bounds = select(last).order_by(last).offset(STRETCH - 1).limit(1)
    while (bound := db.scalar(bounds.where(beyond))) is not None:
        yield and_(beyond, last <= bound)
        beyond = and_(part, last > bound)
    yield beyond


def _key(table: type[Base]) -> tuple[Column[Any] | None, Column[Any]]:
    """Return the two columns of a key, or ``None`` and its only one."""
    *leading, last = cast("Table", table.__table__).primary_key
    assert len(leading) <= 1
    return (leading[0] if leading else None), last
