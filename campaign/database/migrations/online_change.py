"""Operations for migrations of large tables that are in use.

No lock lasts long: tables and columns change in one short transaction that reads no row, and indexes
are created after it, outside any transaction. A migration that was interrupted between the two runs
again from its start, so its first part uses IF NOT EXISTS.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column that is empty or has a constant default."""
    # A migration of SQLite is one transaction, so it is never half done.
    op.add_column(table, column, if_not_exists=not _is_sqlite())


def create_index(name: str, table: str, on: list[str], condition: str | None = None) -> None:
    """Create an index, partial if *condition* is given; on PostgreSQL concurrently, so come last."""
    where = sa.text(condition) if condition else None
    if _is_sqlite():
        op.create_index(name, table, on, sqlite_where=where)
        return
    with _outside_transaction(table) as concurrently:
        # An interrupted CREATE INDEX leaves an invalid index.
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=concurrently)
        op.create_index(name, table, on, postgresql_where=where, postgresql_concurrently=concurrently)


def change_rows(table: str, *statements: str) -> None:
    """Update few rows of a large table and its statistics; after every operation that locks it."""
    with _outside_transaction(table):
        for statement in statements:
            op.execute(statement)
        if not _is_sqlite():
            # Until autovacuum runs, the planner would expect half of all rows to match the new condition.
            op.execute(f"ANALYZE {table}")


def drop_index(name: str, table: str) -> None:
    """Drop an index, on PostgreSQL concurrently."""
    if _is_sqlite():
        op.drop_index(name, table)
        return
    with _outside_transaction(table) as concurrently:
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=concurrently)


@contextmanager
def _outside_transaction(table: str) -> Iterator[bool]:
    """Leave the transaction; yield whether indexes of *table* can change concurrently: not of partitions."""
    if _is_sqlite():
        yield False
        return
    kind = sa.text("SELECT relkind FROM pg_class WHERE oid = CAST(:name AS regclass)").bindparams(name=table)
    with op.get_context().autocommit_block():
        # A concurrent index blocks nobody, but waits for every transaction that began earlier.
        yield op.get_bind().scalar(kind) != "p"


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"
