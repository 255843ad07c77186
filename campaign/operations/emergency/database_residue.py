"""What databases keep of deleted rows in their files, and how to be rid of it.

SQLite overwrites what is deleted (``secure_delete``), but its write-ahead log holds earlier
pages until it is cut off. PostgreSQL leaves deleted rows where they are, and samples of
values in its statistics; a table that is truncated or written anew gets a new file.
"""

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, LargeBinary, Text, delete, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.database.table import Base

WAIT_SECONDS = 5
"""How long others may keep a table before their connections are ended."""

LONGEST_WAIT_SECONDS = 60
"""How long each table may be waited for when all are written anew."""

logger = logging.getLogger(__name__)

Tables = Iterable[type[Base]]


def hold_alone(db: Session, tables: Tables) -> None:
    """Wait until nobody else reads or writes *tables*, and keep them until the transaction ends."""
    if _is_postgresql(db):  # SQLite has one writer, and readers see what was before
        db.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
        db.execute(text(f"LOCK TABLE {_names(tables)} IN ACCESS EXCLUSIVE MODE"))


def end_others(database: Database) -> None:
    """End every other transaction of ours: one that somebody left open must not hold up an emergency."""
    if not database.is_sqlite:
        with database.reading() as db:
            db.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND usename = current_user"
                    " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
                )
            )


def empty(db: Session, tables: Tables) -> None:
    """Delete every row of *tables*, children first; PostgreSQL drops their files with it."""
    if _is_postgresql(db):
        db.execute(text(f"TRUNCATE {_names(tables)}"))
        return
    for table in tables:
        db.execute(delete(table), execution_options={"synchronize_session": False})


def forget_statistics(db: Session, tables: Tables) -> None:
    """Drop PostgreSQL's samples of what stood in *tables*; a change of type does, even to the same one."""
    if not _is_postgresql(db):
        return
    kinds = {LargeBinary: "bytea", Text: "text"}
    for table in tables:
        for column in table.__table__.columns:
            kind = kinds.get(type(column.type))
            if kind and not column.primary_key:
                name = column.name
                db.execute(text(f'ALTER TABLE {table.__tablename__} ALTER COLUMN "{name}" TYPE {kind}'))


def cut_off(database: Database) -> bool:
    """Leave nothing deleted in the database's own log and catalogues; say whether that is done."""
    if database.is_sqlite:
        return database.checkpoint(wait_seconds=WAIT_SECONDS)
    try:
        with _alone(database) as connection:
            connection.execute(text("VACUUM (FULL) pg_statistic"))  # skipped unless the database is ours
            _checkpoint(connection)
    except SQLAlchemyError as error:
        logger.warning("PostgreSQL's statistics could not be written anew: %s", type(error).__name__)
        return False
    return True


def write_anew(database: Database) -> bool:
    """Write every table to a new file, so that no gap holds what was deleted; say whether that is done."""
    try:
        if database.is_sqlite:
            _vacuum_sqlite(database)
        else:
            with _alone(database) as connection:
                connection.execute(text("ANALYZE"))
                connection.execute(text("VACUUM (FULL)"))
    except (SQLAlchemyError, sqlite3.OperationalError) as error:
        # A full disk, most of all: the copy needs room beside the old one.
        logger.warning("the database could not be written anew: %s", type(error).__name__)
        return False
    return cut_off(database)


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """Give a connection without transactions, as VACUUM needs; nobody else gets it afterwards."""
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text(f"SET lock_timeout = '{LONGEST_WAIT_SECONDS}s'"))
        try:
            yield connection
        finally:
            connection.invalidate()


def _checkpoint(connection: Connection) -> None:
    """Let PostgreSQL drop files of truncated tables and earlier logs now, if our role may ask for it."""
    try:
        connection.execute(text("SELECT pg_switch_wal()"))
        connection.execute(text("CHECKPOINT"))
    except SQLAlchemyError:
        logger.warning("PostgreSQL lets this role make no checkpoint; it makes one by itself in some minutes")


def _vacuum_sqlite(database: Database) -> None:
    connection = database.engine.raw_connection()
    try:
        connection.execute("VACUUM")
    finally:
        connection.close()


def _is_postgresql(db: Session) -> bool:
    return db.get_bind().dialect.name == "postgresql"


def _names(tables: Tables) -> str:
    return ", ".join(table.__tablename__ for table in tables)
