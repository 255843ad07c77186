"""Acts that come at the same moment share one transaction: the disk is waited for once, not once for each."""

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

Act = TypeVar("Act")
Outcome = TypeVar("Outcome")

AT_MOST = 32
"""Acts in one transaction: more would gain little, and keep other writers of SQLite waiting for long."""

GATHERING_SECONDS = 0.003
"""How long a group waits for those who are about to come, when the one before it was larger."""

IN_EACH_OTHERS_WAY = {"40P01", "40001", "55P03"}
"""PostgreSQL's codes for a deadlock, for rows that moved meanwhile, and for a lock not had in time."""

_LOCK_TIMEOUT = text("SET LOCAL lock_timeout = '2s'")

UNAVAILABLE = (InterfaceError, NoConnectionError, OperationalError)
"""Errors that say nothing about any act, but that the database cannot be written to now."""


class GroupCommit(Generic[Act, Outcome]):
    """Does acts, each of them wholly or not at all, and returns once they are on disk.

    Whoever comes first acts at once. Who comes while a transaction is under way waits for it to
    end; then one of those who wait acts for all of them. So a lone act waits for nobody, and a
    crowd shares the lock and the commit, which cost the most.
    """

    def __init__(self, database: Database, perform: Callable[[Session, Sequence[Act]], Sequence[Outcome]]):
        """Make an empty group.

        Args:
            database: Where it is written.
            perform: Does acts in a session, and returns an outcome for each. It is called again with a
                single act when it fails with several, so it must keep nothing outside the session.
        """
        self._database = database
        self._perform = perform
        self._lock = threading.Lock()
        self._waiting: deque[_Place[Act, Outcome]] = deque()
        self._is_led = False
        self._expected = 0

    def do(self, act: Act) -> Outcome:
        """Do *act*; when this returns it is on disk.

        Raises what performing it raises, and then nothing of it was kept. The others of its group
        are not touched by that. Who would wait too long for SQLite's lock is told, as in
        :class:`campaign.database.connection.WriterQueue`.
        """
        place = _Place[Act, Outcome](act)
        with self._lock:
            self._waiting.append(place)
            leads, self._is_led = not self._is_led, True
        if not leads:
            self._wait(place)
        if not place.is_settled:
            self._lead()
        return place.result()

    def _wait(self, place: "_Place[Act, Outcome]") -> None:
        try:
            self._database.writer_queue.wait(place.wait)
        except NoConnectionError:
            with self._lock:
                if place in self._waiting and place.is_asleep:
                    self._waiting.remove(place)
                    raise
            place.wait()  # it is being done, and nobody knows yet with what outcome

    def _lead(self) -> None:
        if len(self._waiting) < self._expected:
            time.sleep(GATHERING_SECONDS)
        with self._lock:
            group = [self._waiting.popleft() for _ in range(min(AT_MOST, len(self._waiting)))]
        self._expected = len(group) if len(group) > 1 else 0
        try:
            self._settle(group)
        finally:
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._is_led = following is not None
                if following is not None:
                    following.wake()
            for place in group:
                place.wake()

    def _settle(self, group: Sequence["_Place[Act, Outcome]"], *, is_last: bool = False) -> None:
        try:
            with self._database.writing() as db:
                self._wait_briefly(db)
                outcomes = self._perform(db, [place.act for place in group])
        except BaseException as error:
            if _is_about_others(error) and not is_last:
                for place in group:
                    self._settle([place], is_last=True)
            elif len(group) == 1 or isinstance(error, UNAVAILABLE) or not isinstance(error, Exception):
                for place in group:
                    # Each its own, for where it is raised is noted in it.
                    place.error, place.is_settled = copy.copy(error), True
            else:
                for place in group:
                    self._settle([place])
        else:
            for place, outcome in zip(group, outcomes, strict=True):
                place.outcome, place.is_settled = outcome, True

    def _wait_briefly(self, db: Session) -> None:
        # Whoever holds a row for long, such as somebody at a console, would hold up all who come.
        if not self._database.is_sqlite:
            db.execute(_LOCK_TIMEOUT)


def _is_about_others(error: BaseException) -> bool:
    """Whether what failed, failed because others were writing the same rows."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in IN_EACH_OTHERS_WAY


class _Place(Generic[Act, Outcome]):
    """One who waits, and what came of it."""

    outcome: Outcome

    def __init__(self, act: Act) -> None:
        self.act = act
        # A bare lock instead of an event, which would cost a tenth of a signature.
        self._asleep = threading.Lock()
        self._asleep.acquire()
        self.is_settled = False
        self.error: BaseException | None = None

    def wait(self, seconds: float = -1) -> bool:
        """Wait until it is settled, or until it is its turn to lead; say whether it is."""
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
