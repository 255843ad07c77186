"""The queue for the Argon2 turn: known browsers first, one place for each network."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from campaign.errors import TooManyAttemptsError
from campaign.guard.argon2_queue import PLACES, Argon2Queue, Rank
from tests.conftest import NOW
from tests.support.worker import eventually


class Crowd:
    """Requests that come one after another while the turn is taken."""

    def __init__(self, queue: Argon2Queue, pool: ThreadPoolExecutor) -> None:
        self.queue = queue
        self.pool = pool
        self.served: list[str] = []
        self.futures: list[Future[None]] = []

    def come(self, who: str, rank: Rank = Rank.OTHER, came: datetime = NOW) -> Future[None]:
        """Let *who* come, and wait until they wait."""
        before = self.queue.waiting
        self.futures.append(self.pool.submit(self._take_turn, who, rank, came))
        assert eventually(lambda: self.queue.waiting > before or self.futures[-1].done())
        return self.futures[-1]

    def _take_turn(self, who: str, rank: Rank, came: datetime = NOW) -> None:
        with self.queue.turn(who.encode(), rank, came=came):
            self.served.append(who)


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    with ThreadPoolExecutor(32) as pool:
        yield Crowd(Argon2Queue(tmp_path), pool)


def finished(crowd: Crowd) -> list[str]:
    for each in crowd.futures:
        each.exception(30)
    return crowd.served


def test_a_network_has_one_place_and_a_second_request_none(crowd: Crowd) -> None:
    with crowd.queue.turn(b"a", Rank.OTHER, came=NOW):
        crowd.come("a")
        assert isinstance(crowd.come("a").exception(30), TooManyAttemptsError)
        crowd.come("b")

    assert finished(crowd) == ["b", "a"]


def test_known_browsers_go_first_and_keep_no_other_out(crowd: Crowd) -> None:
    with crowd.queue.turn(b"a", Rank.OTHER, came=NOW):
        crowd.come("b")
        crowd.come("known", Rank.KNOWN)
        crowd.come("c")

    assert finished(crowd) == ["known", "b", "c"]


def test_a_proof_takes_the_place_of_who_has_none(crowd: Crowd) -> None:
    with crowd.queue.turn(b"a", Rank.OTHER, came=NOW):
        last = [crowd.come(f"n{number}") for number in range(PLACES)][-1]
        assert isinstance(crowd.come("late").exception(30), TooManyAttemptsError)
        crowd.pool.submit(crowd._take_turn, "proven", Rank.PROVEN)
        assert isinstance(last.exception(30), TooManyAttemptsError)
        crowd.come("known", Rank.KNOWN)

    finished(crowd)
    assert eventually(lambda: crowd.served == ["known", "n0", "n1", "n2", "proven"])


def test_who_proves_in_a_network_goes_before_who_does_not(crowd: Crowd) -> None:
    with crowd.queue.turn(b"a", Rank.OTHER, came=NOW):
        flood = crowd.come("a")
        proven = crowd.pool.submit(crowd._take_turn, "a", Rank.PROVEN)
        assert isinstance(flood.exception(30), TooManyAttemptsError)

    assert proven.exception(30) is None


def test_a_network_without_a_turn_takes_the_place_of_one_that_had_some(crowd: Crowd) -> None:
    had = [f"n{number}" for number in range(PLACES)]
    for each in had:
        crowd._take_turn(each, Rank.PROVEN)
    with crowd.queue.turn(b"a", Rank.OTHER, came=NOW):
        last = [crowd.come(each, Rank.PROVEN) for each in had][-1]
        crowd.pool.submit(crowd._take_turn, "new", Rank.PROVEN)
        assert isinstance(last.exception(30), TooManyAttemptsError)

    finished(crowd)
    assert eventually(lambda: crowd.served[PLACES:] == ["new", *had[:-1]])


def test_in_one_network_the_place_is_whose_first_try_was_earlier(crowd: Crowd) -> None:
    with crowd.queue.turn(b"a", Rank.OTHER, came=NOW):
        later = crowd.come("a", Rank.PROVEN, NOW + timedelta(seconds=9))
        earlier = crowd.pool.submit(crowd._take_turn, "a", Rank.PROVEN, NOW)
        assert isinstance(later.exception(30), TooManyAttemptsError)
        latest = crowd.come("a", Rank.PROVEN, NOW + timedelta(seconds=10))
        assert isinstance(latest.exception(30), TooManyAttemptsError)

    assert earlier.exception(30) is None


def test_an_error_gives_the_turn_to_the_next(crowd: Crowd) -> None:
    turn = crowd.queue.turn(b"a", Rank.OTHER, came=NOW)
    turn.__enter__()
    crowd.come("b")
    with suppress(ValueError):
        turn.__exit__(ValueError, ValueError(), None)

    assert finished(crowd) == ["b"]
    with crowd.queue.turn(b"c", Rank.OTHER, came=NOW):
        pass


def test_networks_are_kept_as_digests_alone(tmp_path: Path) -> None:
    queue = Argon2Queue(tmp_path)
    with queue.turn(b"192.0.2.1", Rank.OTHER, came=NOW):
        assert "192.0.2.1" not in repr(vars(queue))
