"""Update or delete a whole table in key-ordered batches, so that no transaction is long."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from campaign.database.table import Base

BATCH_COLUMN = "batch_column"
"""Key in a table's ``info``: the first column of its primary key, if that is nearly unique by itself."""

BATCH_ROWS = 5000
"""Rows of one transaction. A signature that arrives meanwhile waits for one batch at most."""


def update(
    db: Session, table: type[Base], where: sa.ColumnElement[bool], values: Mapping[str, Any]
) -> Iterator[int]:
    """Set *values* in the rows of *table* that match *where*; yield the number of changed rows per batch.

    The caller commits after each batch. An interrupted update can be started again.
    """
    for batch in _batches(db, table):
        yield execute(db, sa.update(table).where(batch, where).values(values))


def delete(db: Session, table: type[Base]) -> Iterator[int]:
    """Delete every row of *table*; otherwise as :func:`update`."""
    for batch in _batches(db, table):
        yield execute(db, sa.delete(table).where(batch))


def execute(db: Session, statement: sa.Update | sa.Delete) -> int:
    """Execute *statement* and return the number of rows that it changed."""
    result = db.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return result.rowcount


def count(db: Session, table: type[Base]) -> int:
    """Return the number of batches in *table*."""
    leading, _last = _key(table)
    rows = sa.select(sa.func.count()).select_from(table)
    sizes = db.scalars(rows if leading is None else rows.group_by(leading))
    return sum(size // BATCH_ROWS + 1 for size in sizes)


def _batches(db: Session, table: type[Base]) -> Iterator[sa.ColumnElement[bool]]:
    # A batch stays within one value of the key's first column: for a range over two columns PostgreSQL's
    # planner considers the first alone, and may read a whole letter through another index for each batch.
    leading, last = _key(table)
    if leading is None:
        yield from _batches_within(db, last, sa.true())
        return
    first = sa.select(leading).order_by(leading, last).limit(1)
    value = db.scalar(first)
    while value is not None:
        yield from _batches_within(db, last, leading == value)
        value = db.scalar(first.where(leading > value))


def _batches_within(
    db: Session, last: sa.Column[Any], part: sa.ColumnElement[bool]
) -> Iterator[sa.ColumnElement[bool]]:
    # Each bound is read from the key's index. An offset from the start, or a condition that updated
    # rows no longer match, would make each batch slower than the one before.
    remaining = part
    bounds = sa.select(last).order_by(last).offset(BATCH_ROWS - 1).limit(1)
    while (bound := db.scalar(bounds.where(remaining))) is not None:
        yield sa.and_(remaining, last <= bound)
        remaining = sa.and_(part, last > bound)
    yield remaining


def _key(table: type[Base]) -> tuple[sa.Column[Any] | None, sa.Column[Any]]:
    """Return the primary key as its first and last column; the first is ``None`` if there is only one."""
    described = cast("sa.Table", table.__table__)
    if BATCH_COLUMN in described.info:
        return None, described.c[described.info[BATCH_COLUMN]]
    *leading, last = described.primary_key
    assert len(leading) <= 1
    return (leading[0] if leading else None), last
