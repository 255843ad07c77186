"""The queue of a web process for the Argon2 turn: short, and fair between networks.

A request waits in a thread, and threads are few, so few wait: one for each network, or browser. Known
browsers go first; then the one whose last turn is longest ago. Who has no place is asked for a proof of
work, or to come again.
"""

import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from campaign.errors import TooManyAttemptsError
from campaign.guard.sliding_window import evict_oldest
from campaign.organiser.argon2_turn import RETRY_AFTER_SECONDS, argon2_turn

PLACES = 4
"""For known browsers, and as many for all others: with the present turn 9 of a process's 16 threads."""

PATIENCE_SECONDS = 30


class Rank(IntEnum):
    """Who keeps a place when there are too few: the lower one."""

    KNOWN = 0
    """A browser that logged in before, a session, or a valid code of a link or a recovery."""
    PROVEN = 1
    """With a solved puzzle."""
    OTHER = 2


@dataclass(eq=False)
class _Place:
    """A waiting request."""

    who: bytes
    rank: Rank
    is_called: bool = False
    is_lost: bool = False


class Argon2Queue:
    """The waiting requests of one web process."""

    def __init__(self, instance: Path) -> None:
        self._instance = instance
        self._salt = secrets.token_bytes(32)
        self._changed = threading.Condition()
        self._is_busy = False
        self._places: list[_Place] = []
        self._last_turns: dict[bytes, int] = {}
        """By whom, in the order of the turns."""
        self._turns = 0

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._places)

    @contextmanager
    def turn(self, who: bytes, rank: Rank) -> Iterator[None]:
        """Wait for the turn, and have it while the block lasts.

        Args:
            who: The network, browser or session; only a digest is kept.
            rank: Decides who keeps a place.

        Raises:
            TooManyAttemptsError: There is no place, it was lost to a lower rank, or the wait was too long.
        """
        self._wait(hmac.digest(self._salt, who, "sha256"), rank)
        try:
            with argon2_turn(self._instance):
                yield
        finally:
            with self._changed:
                self._call_next()

    def _wait(self, who: bytes, rank: Rank) -> None:
        with self._changed:
            if not self._is_busy:
                self._begin(who)
                return
            place = self._take_place(who, rank)
            self._changed.wait_for(lambda: place.is_called or place.is_lost, PATIENCE_SECONDS)
            if not place.is_called:
                if not place.is_lost:
                    self._places.remove(place)
                raise TooManyAttemptsError(RETRY_AFTER_SECONDS)

    def _take_place(self, who: bytes, rank: Rank) -> _Place:
        """Return a place; the same network's, or the last of the highest rank, is lost to a lower one."""
        taken = [each for each in self._places if each.who == who]
        if not taken:
            rivals = [each for each in self._places if (each.rank == Rank.KNOWN) == (rank == Rank.KNOWN)]
            taken = [max(reversed(rivals), key=lambda each: each.rank)] if len(rivals) >= PLACES else []
        for each in taken:
            if each.rank <= rank:
                raise TooManyAttemptsError(RETRY_AFTER_SECONDS)
            each.is_lost = True
            self._places.remove(each)
            self._changed.notify_all()
        place = _Place(who, rank)
        self._places.append(place)
        return place

    def _begin(self, who: bytes) -> None:
        self._is_busy = True
        self._turns += 1
        self._last_turns.pop(who, None)
        self._last_turns[who] = self._turns
        evict_oldest(self._last_turns)

    def _call_next(self) -> None:
        self._is_busy = False
        if not self._places:
            return
        place = min(
            self._places, key=lambda each: (each.rank != Rank.KNOWN, self._last_turns.get(each.who, 0))
        )
        self._places.remove(place)
        place.is_called = True
        self._begin(place.who)
        self._changed.notify_all()
