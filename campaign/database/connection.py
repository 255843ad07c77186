"""Connections to SQLite and PostgreSQL, and the line in which a process waits for SQLite's one writer."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event, exc

WAIT_SECONDS = 20
"""How long a writer waits for SQLite's lock before the request is answered 503."""

POOL = {"pool_size": 16, "max_overflow": 16}
"""Enough for two to each thread of a web process: one that reads a page, and one that reads the counts
for it. With fewer, all could hold one and wait for another."""

CONNECT_SECONDS = 5
"""How long a PostgreSQL that cannot be reached is waited for."""


class Line:
    """The writers of one process who wait for SQLite's lock: only the first of them goes on waiting for long.

    While another process keeps the lock, each one who waits takes a thread that could answer others
    their pages. So who stands behind the first, or comes, is told as soon as that one has waited too long.
    """

    def __init__(self, patience_seconds: float | None) -> None:
        self._patience_seconds = WAIT_SECONDS if patience_seconds is None else patience_seconds
        self._turn = threading.Lock()
        self._first_since: float | None = None

    def wait(self, has_come: Callable[[float], bool]) -> None:
        """Wait until *has_come* says that one's turn has come; it is given the seconds it may take.

        Raises:
            TimeoutError: SQLAlchemy's: another process keeps the lock.
        """
        while not has_come(0 if self._is_stuck else self._patience_seconds):
            if self._is_stuck:
                raise exc.TimeoutError("another process keeps SQLite's lock, and somebody waits for it")

    @contextmanager
    def first(self) -> Iterator[None]:
        """Be the one who waits for the lock, while the block lasts."""
        self.wait(lambda seconds: self._turn.acquire(timeout=seconds))
        self._first_since = time.monotonic()
        try:
            yield
        finally:
            self._first_since = None
            self._turn.release()

    @property
    def _is_stuck(self) -> bool:
        since = self._first_since
        return since is not None and time.monotonic() - since > self._patience_seconds


def postgresql(url: str) -> Engine:
    """Return an engine for PostgreSQL; a connection that was cut is replaced before it is used."""
    arguments = {"connect_timeout": CONNECT_SECONDS, "keepalives_idle": 30, "tcp_user_timeout": 30_000}
    return _engine(url, connect_args=arguments, pool_pre_ping=True)


def sqlite(url: str, line: Line) -> Engine:
    """Return an engine for SQLite; who may write takes its lock at once, when *line* lets them."""
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
        how = connection.get_execution_options()
        if how.get("settles"):
            return  # a single statement is a transaction of its own
        if not how.get("writes"):
            connection.exec_driver_sql("BEGIN")
            return
        with line.first():
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _engine(url: str, **how: Any) -> Engine:
    # An error quotes no parameters: they would be somebody's name or address.
    engine = create_engine(url, hide_parameters=True, **POOL, **how)
    # Nor does a log, however loud, quote rows: it would keep what is withdrawn or erased here.
    cast("logging.Logger", engine.logger).addFilter(_quotes_no_row)
    return engine


def _quotes_no_row(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG
