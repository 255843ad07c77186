"""Engines for SQLite and PostgreSQL, and the queue of one process's writers for SQLite's single lock."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event, exc

WAIT_SECONDS = 20
"""Seconds that a writer waits for SQLite's lock; after that its request is answered 503."""

POOL = {"pool_size": 16, "max_overflow": 16, "pool_use_lifo": True}
"""Two connections for each thread of a web process: one renders a page, the other reads its counts. With
fewer, every thread could have one and wait for another. The one used last is used next: SQLite empties a
connection's cache of pages once another connection has written."""

CONNECT_SECONDS = 5
"""Seconds until an attempt to connect to PostgreSQL fails."""


class WriterQueue:
    """Admit one writing transaction of this process at a time to SQLite, which has one writer.

    SQLite itself makes writers poll, with longer and longer pauses; here the next one begins as soon as
    the one before ends. While another process has the lock, each queued thread is one fewer that serves
    pages, so the queue fails as soon as its head has waited for *timeout_seconds*.
    """

    def __init__(self, timeout_seconds: float | None) -> None:
        self._timeout_seconds = WAIT_SECONDS if timeout_seconds is None else timeout_seconds
        self._lock = threading.Lock()
        self._blocked_since: float | None = None

    def wait(self, acquire: Callable[[float], bool]) -> None:
        """Call *acquire* with a timeout in seconds until it returns true.

        Raises:
            TimeoutError: SQLAlchemy's: the head of the queue waits too long for another process.
        """
        while not acquire(0 if self._is_blocked else self._timeout_seconds):
            if self._is_blocked:
                raise exc.TimeoutError("another process has SQLite's lock, and a writer waits for it already")

    def begin(self, connection: Connection) -> None:
        """Begin a writing transaction; the lock of the queue is released when *connection* is."""
        if "writer_queue" not in connection.info:
            self.wait(lambda seconds: self._lock.acquire(timeout=seconds))
            connection.info["writer_queue"] = self
        self._blocked_since = time.monotonic()
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        finally:
            self._blocked_since = None

    def release(self, _connection: Any, record: Any) -> None:
        """Admit the next writer if the connection of *record* was the last one's."""
        if record.info.pop("writer_queue", None):
            self._lock.release()

    @property
    def _is_blocked(self) -> bool:
        since = self._blocked_since
        return since is not None and time.monotonic() - since > self._timeout_seconds


def postgresql_engine(url: str) -> Engine:
    """Return an engine for PostgreSQL; a connection that was cut is replaced before it is used.

    A pooler such as PgBouncer may run each transaction on another connection of the server. So nothing
    here or elsewhere outlives a transaction: no prepared statement, setting, lock or temporary table.
    """
    arguments = {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 30,
        "tcp_user_timeout": 30_000,
        "prepare_threshold": None,
    }
    # No column is an hstore: looking for that type takes a third of the first connection.
    return _engine(url, connect_args=arguments, pool_pre_ping=True, use_native_hstore=False)


def sqlite_engine(url: str, queue: WriterQueue) -> Engine:
    """Return an engine for SQLite; a writing transaction queues and then takes the lock at its start.

    Execution options: ``writes`` for such a transaction, ``autocommit`` for none at all.
    """
    arguments = {"timeout": WAIT_SECONDS, "check_same_thread": False}
    engine = _engine(url, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions by itself: ours begin below, of the right kind.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("writes"):
            queue.begin(connection)
        elif not options.get("autocommit"):
            connection.exec_driver_sql("BEGIN")

    event.listen(engine, "checkin", queue.release)
    return engine


def _engine(url: str, **options: Any) -> Engine:
    # An error quotes no parameters: they may be a person's name or address.
    engine = create_engine(url, hide_parameters=True, **POOL, **options)
    # SQLAlchemy's debug level logs rows: the log would retain withdrawn and erased data.
    cast("logging.Logger", engine.logger).addFilter(lambda record: record.levelno > logging.DEBUG)
    return engine
