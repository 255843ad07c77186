"""Copy a campaign to another database, and verify that every row arrived unchanged.

The source is read in one snapshot, in batches along each table's key. Afterwards both databases are
read again: the target must hold exactly the copied rows, and the source must not have changed
meanwhile, since later changes would be lost without notice. Until both are verified, a mark in the
target prevents every start.

No table has a sequence that would have to be set: ids are random, and numbers are assigned by the code.
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
from campaign.sealing.server_key import DIGEST_KEY
from campaign.signature.recount import Difference, compare

UNFINISHED = "unfinished_copy"
"""The fact that marks the target of an unfinished copy."""

BATCH_ROWS = 2000
"""Rows in memory at the same time."""


@dataclass
class Fingerprint:
    """Number and hash of a table's rows, independent of their order."""

    rows: int = 0
    total: int = 0
    """Sum of the rows' hashes: a lost, added, doubled or changed row changes it."""

    def add(self, row: Row[Any]) -> None:
        """Add one row; both databases return its values as the same Python types."""
        self.rows += 1
        self.total = (self.total + int.from_bytes(sha256(repr(tuple(row)).encode()).digest())) % 2**256


Fingerprints = dict[str, Fingerprint]
"""By the table's name."""


@dataclass(frozen=True)
class CopyResult:
    """A complete copy, equal row by row."""

    rows: int
    differences: list[Difference] = field(default_factory=list)
    """Differences between counts and rows, which the source has too."""


def copy(
    source: Database,
    target: Database,
    *,
    now: datetime,
    step: Callable[[str, int], None] = lambda _what, _rows: None,
) -> CopyResult:
    """Copy every row of *source* to the empty database *target*, and verify that all arrived.

    Args:
        source: Not changed. Stop its site first: if the source changes, the copy stays unfinished.
        target: Gets the tables, then the rows.
        now: When the copy starts.
        step: Called after each batch with the part of the work and the number of rows.

    Raises:
        CopyError: The source has no campaign, the target is not empty, a row did not arrive
            unchanged, or the source changed meanwhile.
    """
    _check_source(source)
    _begin(target, now)
    copied = _copy_rows(source, target, step)
    _compare("the copy does not equal what was read", copied, _read(target, "checking the copy", step))
    changed = "the source changed while it was copied: stop its site and copy again"
    _compare(changed, copied, _read(source, "checking the source", step))
    with target.writing() as db:
        differences = compare(db)
        _remove_mark(db)
    if not target.is_sqlite:
        _analyse(target)
    return CopyResult(sum(each.rows for each in copied.values()), differences)


def check_finished(db: Session) -> None:
    """Refuse the target of an unfinished copy.

    Raises:
        SettingsError: The copy to this database was not finished.
    """
    started_at = read_fact(db, UNFINISHED)
    if started_at is not None:
        raise SettingsError(
            f"CAMPAIGN_DATABASE_URL: the copy to this database, started at {started_at}, was not finished;"
            " use the source, and copy it to a new database"
        )


def _check_source(source: Database) -> None:
    with source.engine.connect() as connection:
        revision = migration.current(connection)
    if revision is None:
        raise CopyError("the source contains no campaign")
    if revision != migration.NEWEST:
        raise CopyError(
            "the source's tables belong to another version: start its site once with this version"
        )
    with source.reading() as db:
        if read_fact(db, UNFINISHED) is not None:
            raise CopyError("the source is itself an unfinished copy")
        if read_fact(db, DIGEST_KEY) is None and _is_empty(db):
            raise CopyError("the source contains no campaign")


def _begin(target: Database, now: datetime) -> None:
    """Create the target's tables and its mark."""
    target.migrate()
    with target.writing() as db:
        if read_fact(db, UNFINISHED) is not None:
            raise CopyError("an earlier copy to this target was not finished: remove it and give a new one")
        if not _is_empty(db):
            raise CopyError("the target already contains a campaign")
        save_fact(db, UNFINISHED, now.isoformat(timespec="seconds"))


def _is_empty(db: Session) -> bool:
    return all(db.execute(select(table).limit(1)).first() is None for table in _tables())


def _copy_rows(source: Database, target: Database, step: Callable[[str, int], None]) -> Fingerprints:
    def insert_batch(table: Table, batch: Sequence[Row[Any]]) -> None:
        with target.writing() as db:
            db.execute(insert(table), [dict(row._mapping) for row in batch])

    return _read(source, "copying", step, insert_batch)


def _read(
    database: Database,
    part: str,
    step: Callable[[str, int], None],
    use_batch: Callable[[Table, Sequence[Row[Any]]], None] = lambda _table, _batch: None,
) -> Fingerprints:
    """Read every row in one snapshot, and return the tables' fingerprints."""
    fingerprints = {table.name: Fingerprint() for table in _tables()}
    with database.snapshot() as db:
        for table in _tables():
            for batch in _batches(db, table):
                for row in batch:
                    fingerprints[table.name].add(row)
                use_batch(table, batch)
                step(part, len(batch))
    return fingerprints


def _compare(error: str, copied: Fingerprints, found: Fingerprints) -> None:
    differing = [
        f"{name} ({copied[name].rows} rows copied, {found[name].rows} found)"
        for name in copied
        if copied[name] != found[name]
    ]
    if differing:
        raise CopyError(f"{error}; tables that differ: {', '.join(differing)}. The copy cannot be used")


def _batches(db: Session, table: Table) -> Iterator[list[Row[Any]]]:
    """Yield all rows of *table* in the order of its key; the order may differ between databases."""
    key = tuple(table.primary_key)
    query = select(table).order_by(*key).limit(BATCH_ROWS)
    if table is Fact.__table__:
        query = query.where(Fact.name != UNFINISHED)
    beyond: ColumnElement[bool] | None = None
    while True:
        batch = list(db.execute(query if beyond is None else query.where(beyond)))
        if batch:
            yield batch
        if len(batch) < BATCH_ROWS:
            return
        last = batch[-1]._mapping
        beyond = tuple_(*key) > tuple_(*(bindparam(None, last[each], each.type) for each in key))


def _tables() -> list[Table]:
    """Return every table, each after the tables that it refers to."""
    return Base.metadata.sorted_tables


def _remove_mark(db: Session) -> None:
    mark = db.get(Fact, UNFINISHED)
    if mark is not None:
        db.delete(mark)


def _analyse(target: Database) -> None:
    """Collect PostgreSQL's statistics now, so that the first requests have good query plans."""
    with target.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
