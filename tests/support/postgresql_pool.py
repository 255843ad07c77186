"""A pool of PostgreSQL databases that are reset after each test, since creating one takes much longer."""

# ruff: noqa: S608 - no statement holds input

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql

TEMPLATE = "template_campaign"

CATALOGS = (
    "pg_class",
    "pg_attribute",
    "pg_constraint",
    "pg_db_role_setting",
    "pg_index",
    "pg_namespace",
    "pg_proc",
    "pg_trigger",
)
"""PostgreSQL's catalogs of a database's schema: a change of the schema gives a row there a new ``xmin``."""

FIRST = 3
"""PostgreSQL's first transaction: the newest row's distance from it says when the row was written.

Ages are numbers, which are compared much faster than each ``xmin`` as text.
"""

RARELY_CHANGED = ("letter_edition", "letter_text")
"""Large tables that are not reset: a database in which one of them changed is dropped."""


class DatabasePool:
    """Databases equal to the template; one that a test has finished with is reset and used again."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._unused: list[str] = []
        self._administration = self._open("postgres")
        with self._open(TEMPLATE) as connection:
            self._state = _state(connection)
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            names = [name for (name,) in tables if name not in RARELY_CHANGED]
            self._rows = {name: _read(connection, name) for name in names}

    def close(self) -> None:
        self._administration.close()

    @contextmanager
    def borrowed(self) -> Iterator[str]:
        """Give the name of a database while the block lasts."""
        name = self._unused.pop() if self._unused else self._create()
        yield name
        with suppress(psycopg.Error):
            if self._reset(name):
                self._unused.append(name)
                return
        self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _create(self) -> str:
        name = f"test_{os.urandom(6).hex()}"
        self._run(f"CREATE DATABASE {{}} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY", name)
        return name

    def _reset(self, name: str) -> bool:
        """Restore the rows of every other table; return false if anything else was changed."""
        end_sessions = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        self._administration.execute(end_sessions, [name])
        with self._open(name) as connection:
            if _state(connection) != self._state:
                return False
            with connection.transaction():
                # As a replica no trigger runs, and so no foreign key is checked: the order does not matter.
                delete_all = "; ".join(f'DELETE FROM "{table}"' for table in self._rows)
                connection.execute(f"SET LOCAL session_replication_role = replica; {delete_all}")
                for table, rows in self._rows.items():
                    _write(connection, table, rows)
        return True

    def _run(self, statement: str, name: str) -> None:
        self._administration.execute(sql.SQL(statement).format(sql.Identifier(name)))

    def _open(self, name: str) -> Any:
        return psycopg.connect(self._server, dbname=name, autocommit=True)


def _state(connection: Any) -> Any:
    """Return values that differ after any change of the schema or of the rarely changed tables' rows."""
    counts = (
        f"(SELECT (count(*), age('{FIRST}'::xid) - min(age(xmin)))::text FROM {name})"
        for name in CATALOGS + RARELY_CHANGED
    )
    return connection.execute(f"SELECT {', '.join(counts)}").fetchone()


def _read(connection: Any, table: str) -> bytes:
    """Return the rows of *table* in COPY's binary format; empty if it has none."""
    if connection.execute(f'SELECT FROM "{table}" LIMIT 1').fetchone() is None:
        return b""
    with connection.cursor().copy(f'COPY "{table}" TO STDOUT (FORMAT binary)') as rows:
        return b"".join(bytes(each) for each in rows)


def _write(connection: Any, table: str, rows: bytes) -> None:
    if rows:
        with connection.cursor().copy(f'COPY "{table}" FROM STDIN (FORMAT binary)') as copy:
            copy.write(rows)
