"""The queue of a web process for the Argon2 turn: short, and fair between networks.

A request waits in a thread, and threads are few, so few wait: one for each network, or browser. Known
browsers go first; then the one whose last turn is longest ago; then the one that came first.

That decides who keeps a place, too: a network that had no turn takes the place of one that had some, so a
few networks keep nobody out, whatever they solve. Many may share one address, as all visitors of an onion
service do. Among them the date decides: who proved and is refused gets a ticket with the date of the first
try, and takes, by coming again with it, the place of who came later. Who proved nothing is asked for a proof.
"""

import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from pathlib import Path

from campaign.errors import TooManyAttemptsError
from campaign.guard.rate_limit import evict_oldest
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
    came: datetime
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
    def turn(self, who: bytes, rank: Rank, *, came: datetime) -> Iterator[None]:
        """Wait for the turn, and have it while the block lasts.

        Args:
            who: The network, browser or session; only a digest is kept.
            rank: Decides who keeps a place, before all else.
            came: When it was first tried.

        Raises:
            TooManyAttemptsError: There is no place, it was lost to another, or the wait was too long.
        """
        self._wait(_Place(hmac.digest(self._salt, who, "sha256"), rank, came))
        try:
            with argon2_turn(self._instance):
                yield
        finally:
            with self._changed:
                self._call_next()

    def _wait(self, place: _Place) -> None:
        with self._changed:
            if not self._is_busy:
                self._begin(place.who)
                return
            self._take(place)
            self._changed.wait_for(lambda: place.is_called or place.is_lost, PATIENCE_SECONDS)
            if not place.is_called:
                if not place.is_lost:
                    self._places.remove(place)
                raise TooManyAttemptsError(RETRY_AFTER_SECONDS)

    def _take(self, place: _Place) -> None:
        """Add *place*; the same network's, or else the last one, is lost to it if there are too many."""
        taken = [each for each in self._places if each.who == place.who]
        if not taken:
            is_known = place.rank == Rank.KNOWN
            rivals = [each for each in self._places if (each.rank == Rank.KNOWN) == is_known]
            taken = [max(reversed(rivals), key=self._keeps)] if len(rivals) >= PLACES else []
        for each in taken:
            if self._keeps(each) <= self._keeps(place):
                raise TooManyAttemptsError(RETRY_AFTER_SECONDS)
            each.is_lost = True
            self._places.remove(each)
            self._changed.notify_all()
        self._places.append(place)

    def _keeps(self, place: _Place) -> tuple[Rank, int, datetime]:
        """Return the order in which places are kept."""
        return place.rank, self._last_turns.get(place.who, 0), place.came

    def _goes(self, place: _Place) -> tuple[bool, int, datetime]:
        """Return the order in which the waiting have their turn: a free login waits for no row of proofs."""
        return place.rank != Rank.KNOWN, self._last_turns.get(place.who, 0), place.came

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
        place = min(self._places, key=self._goes)
        self._places.remove(place)
        place.is_called = True
        self._begin(place.who)
        self._changed.notify_all()
