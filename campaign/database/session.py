"""Sessions that read or write, on SQLite and PostgreSQL."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from campaign.database import migration, sqlite_file
from campaign.database.connection import WAIT_SECONDS, WriterQueue, postgresql_engine, sqlite_engine
from campaign.database.journal import location_of, use
from campaign.database.journal_file import Journal
from campaign.errors import SettingsError
from campaign.settings import Settings

CHECKPOINT_MILLISECONDS = 100
"""Milliseconds that a checkpoint of SQLite's write-ahead log waits for readers, and writers for it."""


class Database:
    """An engine and its kinds of session.

    A session that writes takes SQLite's lock when its transaction begins, so that it queues
    instead of failing half-way; one that reads never waits.
    """

    def __init__(
        self, url: str, *, journal: Journal | None = None, queue_timeout_seconds: float | None = None
    ) -> None:
        """Prepare to connect to *url*; nothing is connected yet.

        Args:
            url: SQLAlchemy's.
            journal: Of this machine; without one, as for a copy, acts are recorded nowhere.
            queue_timeout_seconds: How long writers queue behind one that waits for another process to
                release SQLite's lock; by default as long as that one waits.
        """
        self.url = make_url(url)
        self.journal = journal
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.writer_queue = WriterQueue(queue_timeout_seconds)
        self.engine = sqlite_engine(url, self.writer_queue) if self.is_sqlite else postgresql_engine(url)
        self.info: dict[str, object] = {}
        """Copied to the ``info`` of each session."""
        self._writing = self.engine.execution_options(writes=True)

    @classmethod
    def of_site(cls, settings: Settings, *, queue_timeout_seconds: float | None = None) -> Self:
        """Return the site's database, with this machine's journal."""
        location = location_of(make_url(settings.database_url))
        journal = Journal(settings.instance / "journal", location)
        return cls(settings.database_url, journal=journal, queue_timeout_seconds=queue_timeout_seconds)

    def session(self, *, writes: bool = False) -> Session:
        """Return a new session; the caller commits and closes it."""
        bind = self._writing if writes else self.engine
        session = Session(bind, expire_on_commit=False, info=dict(self.info))
        use(session, self.journal)
        return session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that reads."""
        with self.session() as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Yield a session that reads one snapshot of the database, however long it reads."""
        with self.session() as session:
            if not self.is_sqlite:  # SQLite isolates every reader so
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session that writes; commit it at the end, or roll it back on an error."""
        with self.session(writes=True) as session, session.begin():
            yield session

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """Yield a connection on which each statement is a transaction; it outlives this process.

        In SQLite its commit does not wait for the disk: a power cut may undo the statements since the
        last commit of any other session, which syncs them too.
        """
        with self.engine.execution_options(autocommit=True).connect() as connection:
            if self.is_sqlite:
                connection.detach()  # the pool must not lend it with this pragma
                driver: Any = connection.connection.dbapi_connection
                driver.execute("PRAGMA synchronous=NORMAL")
            yield connection

    def migrate(self, revision: str = "head", *, back: bool = False, creates: bool = True) -> None:
        """Bring the tables to *revision*; see :func:`campaign.database.migration.migrate`.

        Raises:
            SettingsError: There is no campaign, and *creates* does not let one begin.
        """
        if self.is_sqlite and self.url.database and (creates or Path(self.url.database).exists()):
            sqlite_file.open_or_create(Path(self.url.database), self.journal)
        if not (creates or self._is_campaign()):
            where = self.url.render_as_string(hide_password=True)
            raise SettingsError(
                f"CAMPAIGN_DATABASE_URL: {where} holds no campaign; `campaign serve` begins one"
            )
        migration.migrate(self._writing, revision, back=back)

    def _is_campaign(self) -> bool:
        if self.is_sqlite and not Path(str(self.url.database)).exists():
            return False  # to connect would create it
        with self.engine.connect() as connection:
            return migration.current(connection) is not None

    def checkpoint(self, *, wait_seconds: float = 0) -> bool:
        """Empty SQLite's write-ahead log, which holds deleted rows; return whether no reader prevented it."""
        end = time.monotonic() + wait_seconds
        while not (is_done := not self.is_sqlite or self._truncate_log()) and time.monotonic() < end:
            time.sleep(CHECKPOINT_MILLISECONDS / 1000)
        return is_done

    def _truncate_log(self) -> bool:
        connection = self.engine.raw_connection()
        try:
            # Writers wait while a checkpoint waits for a long reader, such as the download of a list.
            connection.execute(f"PRAGMA busy_timeout = {CHECKPOINT_MILLISECONDS}")
            is_busy, _pages, _written = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            return False
        finally:
            connection.execute(f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000:.0f}")
            connection.close()
        return not is_busy

    def is_alone(self) -> bool:
        """Whether no other process has this SQLite database open; one that only begins to is not noticed."""
        self.engine.dispose()  # our own connections
        connection = sqlite3.connect(str(self.url.database), timeout=0, isolation_level=None)
        try:
            # In WAL mode each open connection has a shared lock, and this mode takes an exclusive one.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()
        return True

    def vacuum(self) -> None:
        """Rewrite SQLite's file, its rows in the order of their keys."""
        connection = self.engine.raw_connection()
        try:
            connection.execute("VACUUM")
        finally:
            connection.close()

    def size_bytes(self) -> int:
        """Return the size of SQLite's file."""
        return Path(str(self.url.database)).stat().st_size

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def take_setup_lock(db: Session) -> None:
    """Let one process at a time create what a first start creates, until its transaction ends."""
    if db.get_bind().dialect.name == "postgresql":  # SQLite has one writer
        db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": migration.LOCK})


def end(session: Session) -> None:
    """Close *session*, also when its connection broke since the last statement."""
    try:
        session.close()
    except DBAPIError:
        session.invalidate()
