"""Group commit: changes that arrive at the same time share one transaction, and one wait for the disk."""

import copy
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.orm import Session

from campaign.database.session import Database

Change = TypeVar("Change")
Outcome = TypeVar("Outcome")

MAX_BATCH = 32
"""Changes in one transaction: more would gain little, and make SQLite's other writers wait."""

BATCH_PAUSE_SECONDS = 0.0005
"""Seconds without a new change after which a batch begins, if the batch before it had several."""

CONFLICT_CODES = {"40P01", "40001", "55P03"}
"""PostgreSQL's SQLSTATE for a deadlock, a serialization failure and a lock timeout."""

_LOCK_TIMEOUT = text("SET LOCAL lock_timeout = '2s'")

UNAVAILABLE = (InterfaceError, NoConnectionError, OperationalError)
"""Errors of the database as a whole; a retry of single changes would not help."""


class GroupCommit(Generic[Change, Outcome]):
    """Commits changes in batches, each change wholly or not at all.

    The first caller leads: its thread commits at once. Callers that arrive meanwhile wait; when the
    transaction ends, one of them leads the next batch, which holds all waiting changes. So a single
    change never waits, and simultaneous ones share the lock and the commit, which cost the most.
    """

    def __init__(self, database: Database, perform: Callable[[Session, Sequence[Change]], Sequence[Outcome]]):
        """Create an empty queue of changes.

        Args:
            database: Where the changes are written.
            perform: Makes changes in a session and returns an outcome for each. After an error it is
                called again for each change alone, so it must store nothing outside the session.
        """
        self._database = database
        self._perform = perform
        self._lock = threading.Lock()
        self._waiting: deque[_Pending[Change, Outcome]] = deque()
        self._has_leader = False
        self._is_busy = False

    def commit(self, change: Change) -> Outcome:
        """Make *change* and return its outcome once it is on disk.

        An error that *perform* raises for this change is raised here; the change is rolled back, and the
        others of its batch are not. SQLAlchemy's ``TimeoutError`` is raised as by
        :class:`campaign.database.connection.WriterQueue`.
        """
        pending = _Pending[Change, Outcome](change)
        with self._lock:
            self._waiting.append(pending)
            is_leader, self._has_leader = not self._has_leader, True
        if not is_leader:
            self._wait(pending)
        if not pending.is_finished:
            self._run_batch()
        return pending.result()

    def _wait(self, pending: "_Pending[Change, Outcome]") -> None:
        try:
            self._database.writer_queue.wait(pending.wait)
        except NoConnectionError:
            with self._lock:
                if pending in self._waiting and pending.is_asleep:
                    self._waiting.remove(pending)
                    raise
            pending.wait()  # its transaction is under way, and the outcome not yet known

    def _run_batch(self) -> None:
        if self._is_busy:
            self._collect()
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
        self._is_busy = len(batch) > 1
        try:
            self._commit(batch)
        finally:
            with self._lock:
                self._has_leader = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].wake()
            for pending in batch:
                pending.wake()

    def _collect(self) -> None:
        """Wait while changes still arrive: callers that were just answered may bring more."""
        before = 0
        while before < len(self._waiting) < MAX_BATCH:
            before = len(self._waiting)
            time.sleep(BATCH_PAUSE_SECONDS)

    def _commit(self, batch: Sequence["_Pending[Change, Outcome]"], *, is_last_try: bool = False) -> None:
        try:
            with self._database.writing() as db:
                self._limit_lock_wait(db)
                outcomes = self._perform(db, [pending.change for pending in batch])
        except BaseException as error:
            if _is_conflict(error) and not is_last_try:
                for pending in batch:
                    self._commit([pending], is_last_try=True)
            elif len(batch) == 1 or isinstance(error, UNAVAILABLE) or not isinstance(error, Exception):
                for pending in batch:
                    # A copy for each thread, which adds its own traceback to it.
                    pending.error, pending.is_finished = copy.copy(error), True
            else:
                for pending in batch:
                    self._commit([pending])
        else:
            for pending, outcome in zip(batch, outcomes, strict=True):
                pending.outcome, pending.is_finished = outcome, True

    def _limit_lock_wait(self, db: Session) -> None:
        # A row that stays locked, such as by a person at a console, would stop every later change.
        if not self._database.is_sqlite:
            db.execute(_LOCK_TIMEOUT)


def _is_conflict(error: BaseException) -> bool:
    """Whether another transaction that wrote the same rows caused *error*."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in CONFLICT_CODES


class _Pending(Generic[Change, Outcome]):
    """A change that waits for its transaction, and its outcome."""

    outcome: Outcome

    def __init__(self, change: Change) -> None:
        self.change = change
        # A bare lock: an event would take a tenth of the time that a signature takes.
        self._asleep = threading.Lock()
        self._asleep.acquire()
        self.is_finished = False
        self.error: BaseException | None = None

    def wait(self, seconds: float = -1) -> bool:
        """Wait until the change is finished or must lead a batch; return whether it is so."""
        return self._asleep.acquire(timeout=seconds)

    @property
    def is_asleep(self) -> bool:
        return self._asleep.locked()

    def wake(self) -> None:
        if self._asleep.locked():
            self._asleep.release()

    def result(self) -> Outcome:
        if self.error is not None:
            raise self.error
        return self.outcome
