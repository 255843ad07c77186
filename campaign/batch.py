"""Walking through a whole table by its key, a stretch at a time, so that no transaction is long."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from sqlalchemy import ColumnElement, Delete, Table, Update, and_, bindparam, delete, select, tuple_, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from campaign.database import Base

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


def _stretches(db: Session, table: type[Base]) -> Iterator[ColumnElement[bool]]:
    # Bounds are looked up in the key's own index: offsets from the start, or conditions that
    # rows stop to meet, would make each stretch dearer than the one before.
    key = tuple(cast("Table", table.__table__).primary_key)
    beyond: ColumnElement[bool] | None = None
    while True:
        query = select(*key).order_by(*key).offset(STRETCH - 1).limit(1)
        last = db.execute(query if beyond is None else query.where(beyond)).first()
        if last is None:
            break
        bound = tuple_(
            *(bindparam(None, value, column.type) for column, value in zip(key, last, strict=True))
        )
        up_to = tuple_(*key) <= bound
        yield up_to if beyond is None else and_(beyond, up_to)
        beyond = tuple_(*key) > bound
    yield and_(True) if beyond is None else beyond
