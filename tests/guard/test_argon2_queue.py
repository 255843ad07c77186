"""The queue for the Argon2 turn: known browsers first, one place for each network."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from campaign.errors import TooManyAttemptsError
from campaign.guard.argon2_queue import PLACES, Argon2Queue, Rank
from tests.support.worker import eventually


class Crowd:
    """Requests that come one after another while the turn is taken."""

    def __init__(self, queue: Argon2Queue, pool: ThreadPoolExecutor) -> None:
        self.queue = queue
        self.pool = pool
        self.served: list[str] = []
        self.futures: list[Future[None]] = []

    def come(self, who: str, rank: Rank = Rank.OTHER) -> Future[None]:
        """Let *who* come, and wait until they wait."""
        before = self.queue.waiting
        self.futures.append(self.pool.submit(self._take_turn, who, rank))
        assert eventually(lambda: self.queue.waiting > before or self.futures[-1].done())
        return self.futures[-1]

    def _take_turn(self, who: str, rank: Rank) -> None:
        with self.queue.turn(who.encode(), rank):
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
    with crowd.queue.turn(b"a", Rank.OTHER):
        crowd.come("a")
        assert isinstance(crowd.come("a").exception(30), TooManyAttemptsError)
        crowd.come("b")

    assert finished(crowd) == ["b", "a"]


def test_known_browsers_go_first_and_keep_no_other_out(crowd: Crowd) -> None:
    with crowd.queue.turn(b"a", Rank.OTHER):
        crowd.come("b")
        crowd.come("known", Rank.KNOWN)
        crowd.come("c")

    assert finished(crowd) == ["known", "b", "c"]


def test_a_proof_takes_the_place_of_who_has_none(crowd: Crowd) -> None:
    with crowd.queue.turn(b"a", Rank.OTHER):
        last = [crowd.come(f"n{number}") for number in range(PLACES)][-1]
        assert isinstance(crowd.come("late").exception(30), TooManyAttemptsError)
        crowd.pool.submit(crowd._take_turn, "proven", Rank.PROVEN)
        assert isinstance(last.exception(30), TooManyAttemptsError)
        crowd.come("known", Rank.KNOWN)

    finished(crowd)
    assert eventually(lambda: crowd.served == ["known", "n0", "n1", "n2", "proven"])


def test_who_proves_in_a_network_goes_before_who_does_not(crowd: Crowd) -> None:
    with crowd.queue.turn(b"a", Rank.OTHER):
        flood = crowd.come("a")
        proven = crowd.pool.submit(crowd._take_turn, "a", Rank.PROVEN)
        assert isinstance(flood.exception(30), TooManyAttemptsError)

    assert proven.exception(30) is None


def test_an_error_gives_the_turn_to_the_next(crowd: Crowd) -> None:
    turn = crowd.queue.turn(b"a", Rank.OTHER)
    turn.__enter__()
    crowd.come("b")
    with suppress(ValueError):
        turn.__exit__(ValueError, ValueError(), None)

    assert finished(crowd) == ["b"]
    with crowd.queue.turn(b"c", Rank.OTHER):
        pass


def test_networks_are_kept_as_digests_alone(tmp_path: Path) -> None:
    queue = Argon2Queue(tmp_path)
    with queue.turn(b"192.0.2.1", Rank.OTHER):
        assert "192.0.2.1" not in repr(vars(queue))
