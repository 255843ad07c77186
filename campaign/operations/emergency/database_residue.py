"""Remove what databases keep of deleted rows in their files.

SQLite overwrites deleted content (``secure_delete``), but its write-ahead log has earlier pages until
it is truncated. PostgreSQL leaves deleted rows in place, and samples of values in its statistics; a
table that is truncated or rewritten gets a new file.
"""

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, LargeBinary, Text, delete, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.database.table import Base

WAIT_SECONDS = 5
"""How long to wait for other transactions before their connections are terminated."""

REWRITE_ATTEMPTS, REWRITE_PAUSE_SECONDS = 60, 1.0
"""Attempts at rewriting tables that others have locked."""

logger = logging.getLogger(__name__)

Tables = Iterable[type[Base]]


def lock_exclusively(db: Session, tables: Tables) -> None:
    """Lock *tables* exclusively until the transaction ends."""
    if _is_postgresql(db):  # SQLite has one writer, and readers see a snapshot
        db.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
        db.execute(text(f"LOCK TABLE {_names(tables)} IN ACCESS EXCLUSIVE MODE"))


def terminate_other_transactions(database: Database) -> None:
    """Terminate all other transactions of our role: one left open must not delay an emergency."""
    if not database.is_sqlite:
        with database.reading() as db:
            db.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND usename = current_user"
                    " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
                )
            )


def delete_all(db: Session, tables: Tables) -> None:
    """Delete every row of *tables*, children first; PostgreSQL also drops their files."""
    if _is_postgresql(db):
        db.execute(text(f"TRUNCATE {_names(tables)}"))
        return
    for table in tables:
        db.execute(delete(table), execution_options={"synchronize_session": False})


def drop_statistics(db: Session, tables: Tables) -> None:
    """Drop PostgreSQL's statistics of *tables*: changing a column's type does, even to the same type."""
    if not _is_postgresql(db):
        return
    kinds = {LargeBinary: "bytea", Text: "text"}
    for table in tables:
        for column in table.__table__.columns:
            kind = kinds.get(type(column.type))
            if kind and not column.primary_key:
                name = column.name
                db.execute(text(f'ALTER TABLE {table.__tablename__} ALTER COLUMN "{name}" TYPE {kind}'))


def clear_logs(database: Database) -> bool:
    """Remove deleted content from the database's log and statistics; return whether that succeeded."""
    if database.is_sqlite:
        return database.checkpoint(wait_seconds=WAIT_SECONDS)
    try:
        with _autocommit(database) as connection:
            connection.execute(text("VACUUM (FULL, SKIP_LOCKED) pg_statistic"))  # unless the database is ours
            _checkpoint(connection)
    except SQLAlchemyError as error:
        logger.warning("PostgreSQL's statistics could not be rewritten: %s", type(error).__name__)
        return False
    return True


def rewrite_files(database: Database) -> bool:
    """Rewrite every table to a new file, without deleted rows; return whether that succeeded."""
    try:
        if database.is_sqlite:
            database.vacuum()
        else:
            with _autocommit(database) as connection:
                connection.execute(text("ANALYZE"))
                _rewrite_postgresql(connection)
    except (SQLAlchemyError, sqlite3.OperationalError, TimeoutError) as error:
        # Most likely a full disk: the new file needs space beside the old one.
        logger.warning("the database could not be rewritten: %s", type(error).__name__)
        return False
    return clear_logs(database)


@contextmanager
def _autocommit(database: Database) -> Iterator[Connection]:
    """Open a connection without transactions, as VACUUM needs."""
    with database.engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def _rewrite_postgresql(connection: Connection) -> None:
    """Rewrite each table, again while another transaction has locked it.

    Raises:
        TimeoutError: A table stays locked.
    """
    # No lock_timeout: outside a transaction it would stay on a pooler's connection.
    before = _files(connection)
    left = list(before)
    for _ in range(REWRITE_ATTEMPTS):
        connection.execute(text(f"VACUUM (FULL, SKIP_LOCKED) {', '.join(left)}"))
        after = _files(connection)
        left = [name for name in left if after.get(name) == before[name]]
        if not left:
            return
        time.sleep(REWRITE_PAUSE_SECONDS)
    raise TimeoutError("tables are locked: " + ", ".join(left))


def _files(connection: Connection) -> dict[str, int]:
    """Return the number of each table's file; rewriting changes it."""
    ours = "relkind = 'r' AND relnamespace = current_schema()::regnamespace"
    query = text(f"SELECT relname, pg_relation_filenode(oid) FROM pg_class WHERE {ours}")  # noqa: S608 - ours
    return dict(connection.execute(query).all())


def _checkpoint(connection: Connection) -> None:
    """Have PostgreSQL drop the files of truncated tables and earlier logs now, if our role may."""
    try:
        connection.execute(text("SELECT pg_switch_wal()"))
        connection.execute(text("CHECKPOINT"))
    except SQLAlchemyError:
        logger.warning(
            "this role may not make a PostgreSQL checkpoint; PostgreSQL makes one itself within minutes"
        )


def _is_postgresql(db: Session) -> bool:
    return db.get_bind().dialect.name == "postgresql"


def _names(tables: Tables) -> str:
    return ", ".join(table.__tablename__ for table in tables)
