"""Changing tables that are large and in use: what each migration is made of.

A migration holds no lock for longer than a moment. Its tables and columns are changed in one short
transaction that reads no row; then indexes are made outside of one. Since it may be interrupted
between the two, and is then begun anew, its first half says "if not exists".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

from campaign.database.migration import LOCK_TIMEOUT


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column that is empty, or has a constant default."""
    # SQLite changes all or nothing.
    op.add_column(table, column, if_not_exists=not _is_sqlite())


def create_index(name: str, table: str, on: list[str], condition: str | None = None) -> None:
    """Make an index, perhaps a partial one; in PostgreSQL while others write, which must come last."""
    where = sa.text(condition) if condition else None
    if _is_sqlite():
        op.create_index(name, table, on, sqlite_where=where)
        return
    with _gently(table) as concurrently:
        # One that was interrupted stays there, and is of no use.
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=concurrently)
        op.create_index(name, table, on, postgresql_where=where, postgresql_concurrently=concurrently)


def change_rows(table: str, *statements: str) -> None:
    """Change few rows of a large table, and learn how few, after everything that locks it."""
    with _gently(table):
        for statement in statements:
            op.execute(statement)
        if not _is_sqlite():
            # Without that, plans would take them for half of all, until the table has changed by a tenth.
            op.execute(f"ANALYZE {table}")


def drop_index(name: str, table: str) -> None:
    """Drop an index, in PostgreSQL while others read and write."""
    if _is_sqlite():
        op.drop_index(name, table)
        return
    with _gently(table) as concurrently:
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=concurrently)


@contextmanager
def _gently(table: str) -> Iterator[bool]:
    """Say whether indexes of *table* can be changed while others write, as those of partitions cannot."""
    if _is_sqlite():
        yield False
        return
    kind = sa.text("SELECT relkind FROM pg_class WHERE oid = CAST(:name AS regclass)").bindparams(name=table)
    with op.get_context().autocommit_block():
        # It holds nobody up, and waits for transactions that began before it: that may take a while.
        op.execute("SET lock_timeout = 0")
        yield op.get_bind().scalar(kind) != "p"
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"
