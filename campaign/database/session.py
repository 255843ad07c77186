"""The database: base class, column types, engine and sessions, for SQLite and PostgreSQL."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Connection,
    make_url,
    text,
)
from sqlalchemy.orm import Session

from campaign.database import connection as engine
from campaign.database import migration
from campaign.database.connection import Line

CHECKPOINT_MILLISECONDS = 100
"""How long emptying SQLite's write-ahead log may hold up writers while somebody still reads."""


class Database:
    """The engine, and the two kinds of session: one that reads, one that may write.

    A session that may write takes SQLite's lock when it begins, so that it waits for
    its turn instead of failing half-way; one that reads never waits.
    """

    def __init__(self, url: str, *, queue_timeout_seconds: float | None = None) -> None:
        """Find the database at *url*; nothing is asked of it yet.

        Args:
            url: SQLAlchemy's.
            queue_timeout_seconds: How long writers wait behind one who waits for SQLite's lock; by default
                as long as that one.
        """
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.line = Line(queue_timeout_seconds)
        self.engine = engine.sqlite(url, self.line) if self.is_sqlite else engine.postgresql(url)
        self._writing = self.engine.execution_options(writes=True)
        self._turn = threading.Lock()

    def session(self, *, writes: bool = False) -> Session:
        """Return a new session; the caller commits and closes it."""
        return Session(self._writing if writes else self.engine, expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session for reading."""
        with self.session() as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Give a session for reading that sees one moment, however long it reads."""
        with self.session() as session:
            see_one_moment(session)
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session for writing; what it did is committed at the end, or undone by an error."""
        # SQLite has one writer. Its others ask again after longer and longer pauses; here they line up.
        if self.is_sqlite:
            self.line.wait(lambda seconds: self._turn.acquire(timeout=seconds))
        try:
            with self.session(writes=True) as session, session.begin():
                yield session
        finally:
            if self.is_sqlite:
                self._turn.release()

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """Give a connection for writes of one statement; each outlives this process once it is committed.

        In SQLite a commit here does not wait for the disk. A power cut may undo the last ones: all since
        anybody last wrote in another way, which takes them to the disk too.
        """
        with self.engine.execution_options(settles=True).connect() as connection:
            if self.is_sqlite:
                connection.detach()  # nobody else may get it
                driver: Any = connection.connection.dbapi_connection
                driver.execute("PRAGMA synchronous=NORMAL")
            yield connection

    def migrate(self, revision: str = "head", *, back: bool = False) -> None:
        """Bring the tables up to date, or to *revision*; see :func:`campaign.database.migration.migrate`."""
        migration.migrate(self._writing, revision, back=back)

    def checkpoint(self, *, wait_seconds: float = 0) -> bool:
        """Leave no trace of deleted rows in SQLite's write-ahead log; another time, if it is in use."""
        end = time.monotonic() + wait_seconds
        while not (is_done := not self.is_sqlite or self._empty_log()) and time.monotonic() < end:
            time.sleep(CHECKPOINT_MILLISECONDS / 1000)
        return is_done

    def _empty_log(self) -> bool:
        connection = self.engine.raw_connection()
        try:
            # While it waits for a long reader, such as a list's download, nobody could sign.
            connection.execute(f"PRAGMA busy_timeout = {CHECKPOINT_MILLISECONDS}")
            is_busy, _pages, _written = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            return False
        finally:
            connection.execute(f"PRAGMA busy_timeout = {engine.WAIT_SECONDS * 1000:.0f}")
            connection.close()
        return not is_busy

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def see_one_moment(db: Session) -> None:
    """Have *db* read one moment, however long it reads; before its first statement."""
    if db.get_bind().dialect.name == "postgresql":  # SQLite's readers do so anyway
        db.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def take_setup_lock(db: Session) -> None:
    """Let one process at a time make what a first start makes, until its transaction ends."""
    if db.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
        db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": migration.LOCK})
