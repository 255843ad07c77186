"""Moving a campaign to another database: every row as it is, and proof that each one arrived.

The source is read in one snapshot, a batch at a time along each table's key. Afterwards both
databases are read again: the target must hold the very rows that were copied, and the source
must not have moved meanwhile, or what it took in since would be lost in silence. Until all
that is known, a mark in the target keeps every start away from it.

No table has a sequence that would have to follow its rows: ids are random, and numbers given.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, bindparam, insert, select, text, tuple_
from sqlalchemy.orm import Session

from campaign.database import migration
from campaign.database.fact import Fact, read_fact, save_fact
from campaign.database.session import Database
from campaign.database.table import Base
from campaign.errors import CopyError, SettingsError
from campaign.signature.recount import Difference, compare

UNFINISHED = "unfinished_copy"
"""The mark of a database that a copy is being made to, or was begun to be."""

BATCH = 2000
"""Rows that are in memory at the same time."""


@dataclass
class Print:
    """What a table is recognised by, in whatever order its rows are read."""

    rows: int = 0
    total: int = 0
    """Of the hashes of all rows: one that is lost, added, doubled or changed changes it."""

    def add(self, row: Row[Any]) -> None:
        """Take in one row, as Python's own types: both databases give the same ones."""
        self.rows += 1
        self.total = (self.total + int.from_bytes(sha256(repr(tuple(row)).encode()).digest())) % 2**256


Prints = dict[str, Print]


@dataclass(frozen=True)
class Copied:
    """What became of a copy that is complete and equal, row by row."""

    rows: int
    differences: list[Difference] = field(default_factory=list)
    """Between its counts and its rows: they were in the source too."""


def copy(
    source: Database,
    target: Database,
    *,
    now: datetime,
    step: Callable[[str, int], None] = lambda _what, _rows: None,
) -> Copied:
    """Copy every row of *source* to *target*, an empty database, and make sure that all are there.

    Args:
        source: Not changed. Its site should be stopped: what it takes in meanwhile is found
            out at the end, and then the copy stays unfinished.
        target: Gets its tables, then the rows.
        now: When the copy is begun.
        step: Called with what is being done, and with how many rows that was done to, for each batch.

    Raises:
        CopyError: There is nothing to be copied, something stands in the target, a row did not
            arrive as it was, or the source changed meanwhile.
    """
    _check_source(source)
    _begin(target, now)
    copied = _copy_rows(source, target, step)
    _compare("the copy does not equal what was read", copied, _read(target, "checking the copy", step))
    moved = "the source changed while it was copied: stop its site and make the copy anew"
    _compare(moved, copied, _read(source, "checking the source", step))
    with target.writing() as db:
        differences = compare(db)
        _remove_mark(db)
    if not target.is_sqlite:
        _analyse(target)
    return Copied(sum(each.rows for each in copied.values()), differences)


def check_finished(db: Session) -> None:
    """Refuse a database that a copy to was begun and never finished.

    Raises:
        SettingsError: It is one.
    """
    begun = read_fact(db, UNFINISHED)
    if begun is not None:
        raise SettingsError(
            f"CAMPAIGN_DATABASE_URL: the copy to this database that was begun at {begun} was never finished;"
            " keep to the one it was made from, and copy that to a new one"
        )


def _check_source(source: Database) -> None:
    with source.engine.connect() as connection:
        revision = migration.current(connection)
    if revision is None:
        raise CopyError("the source holds no campaign")
    if revision != migration.NEWEST:
        raise CopyError("the source's tables belong to another version: start its site once with this one")
    with source.reading() as db:
        if read_fact(db, UNFINISHED) is not None:
            raise CopyError("the source is itself a copy that was never finished")
        if read_fact(db, "digest_salt") is None and not _holds_something(db):
            raise CopyError("the source holds no campaign")


def _begin(target: Database, now: datetime) -> None:
    """Make the target's tables, and mark it; both before the first row."""
    target.migrate()
    with target.writing() as db:
        if read_fact(db, UNFINISHED) is not None:
            raise CopyError("an earlier copy to this target was never finished: remove it and give a new one")
        if _holds_something(db):
            raise CopyError("the target holds a campaign already")
        save_fact(db, UNFINISHED, now.isoformat(timespec="seconds"))


def _holds_something(db: Session) -> bool:
    return any(db.execute(select(table).limit(1)).first() is not None for table in _tables())


def _copy_rows(source: Database, target: Database, step: Callable[[str, int], None]) -> Prints:
    def keep(table: Table, batch: Sequence[Row[Any]]) -> None:
        with target.writing() as db:
            db.execute(insert(table), [dict(row._mapping) for row in batch])

    return _read(source, "copying", step, keep)


def _read(
    database: Database,
    what: str,
    step: Callable[[str, int], None],
    keep: Callable[[Table, Sequence[Row[Any]]], None] = lambda _table, _batch: None,
) -> Prints:
    """Read every row in one snapshot; *keep* is given each batch."""
    prints = {table.name: Print() for table in _tables()}
    with database.snapshot() as db:
        for table in _tables():
            for batch in _batches(db, table):
                for row in batch:
                    prints[table.name].add(row)
                keep(table, batch)
                step(what, len(batch))
    return prints


def _compare(trouble: str, copied: Prints, found: Prints) -> None:
    differing = [
        f"{name} ({copied[name].rows} rows copied, {found[name].rows} found)"
        for name in copied
        if copied[name] != found[name]
    ]
    if differing:
        raise CopyError(f"{trouble}; tables that differ: {', '.join(differing)}. The copy cannot be used")


def _batches(db: Session, table: Table) -> Iterator[list[Row[Any]]]:
    """Yield all rows of *table* along its key, which each database may order as it likes."""
    key = tuple(table.primary_key)
    query = select(table).order_by(*key).limit(BATCH)
    if table is Fact.__table__:
        query = query.where(Fact.name != UNFINISHED)
    beyond: ColumnElement[bool] | None = None
    while True:
        batch = list(db.execute(query if beyond is None else query.where(beyond)))
        if batch:
            yield batch
        if len(batch) < BATCH:
            return
        last = batch[-1]._mapping
        beyond = tuple_(*key) > tuple_(*(bindparam(None, last[each], each.type) for each in key))


def _tables() -> list[Table]:
    """Return every table, each after those that it refers to."""
    return Base.metadata.sorted_tables


def _remove_mark(db: Session) -> None:
    mark = db.get(Fact, UNFINISHED)
    if mark is not None:
        db.delete(mark)


def _analyse(target: Database) -> None:
    """Tell PostgreSQL how its new tables are filled, so that the first requests need not wait for that."""
    with target.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
