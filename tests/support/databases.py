"""Databases of a real PostgreSQL server that are set back after each test: to make one takes much longer."""

# ruff: noqa: S608 - what statements are made of is ours

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
"""Where PostgreSQL notes what a database is made of: any change gives a row there another transaction."""

LASTING = ("letter_edition", "letter_text")
"""Large tables that hardly any test changes; where one did, the database is given up."""


class Databases:
    """Databases that are all as the template is; one that a test has done with is lent again."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._spare: list[str] = []
        with self._open(TEMPLATE) as connection:
            self._shape = _shape(connection)
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            names = [name for (name,) in tables if name not in LASTING]
            self._rows = {name: _read(connection, name) for name in names}

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Give the name of one while the block lasts."""
        name = self._spare.pop() if self._spare else self._make()
        yield name
        with suppress(psycopg.Error):
            if self._is_set_back(name):
                self._spare.append(name)
                return
        self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _make(self) -> str:
        name = f"test_{os.urandom(6).hex()}"
        self._run(f"CREATE DATABASE {{}} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY", name)
        return name

    def _is_set_back(self, name: str) -> bool:
        """Put every row back, and say whether nothing else was changed either."""
        with self._open("postgres") as connection:
            others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(others, [name])
        with self._open(name) as connection:
            if _shape(connection) != self._shape:
                return False
            with connection.transaction():
                # No trigger, and so no foreign key, minds the order.
                emptying = "; ".join(f'DELETE FROM "{table}"' for table in self._rows)
                connection.execute(f"SET LOCAL session_replication_role = replica; {emptying}")
                for table, rows in self._rows.items():
                    _write(connection, table, rows)
        return True

    def _run(self, statement: str, name: str) -> None:
        with self._open("postgres") as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))

    def _open(self, name: str) -> Any:
        return psycopg.connect(self._server, dbname=name, autocommit=True)


def _shape(connection: Any) -> Any:
    """Return what a change of the tables themselves, or of the lasting ones' rows, would change."""
    looks = (f"(SELECT (count(*), max(xmin::text::bigint))::text FROM {name})" for name in CATALOGS + LASTING)
    return connection.execute(f"SELECT {', '.join(looks)}").fetchone()


def _read(connection: Any, table: str) -> bytes:
    """Return the rows of *table* as PostgreSQL writes them, or nothing where there are none."""
    if connection.execute(f'SELECT FROM "{table}" LIMIT 1').fetchone() is None:
        return b""
    with connection.cursor().copy(f'COPY "{table}" TO STDOUT (FORMAT binary)') as rows:
        return b"".join(bytes(each) for each in rows)


def _write(connection: Any, table: str, rows: bytes) -> None:
    if rows:
        with connection.cursor().copy(f'COPY "{table}" FROM STDIN (FORMAT binary)') as copy:
            copy.write(rows)
