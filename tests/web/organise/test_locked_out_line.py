"""Who solves every puzzle keeps no organiser out: not from many networks, and not from her own."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from campaign.guard.argon2_queue import PLACES
from campaign.organiser.account import Unlocked
from campaign.sealing import passphrase_key
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.worker import eventually
from tests.web.organise.test_locked_out import AT_HOME, WRONG, Visitor, is_puzzle, press, settings, typed

__all__ = ["settings"]

pytestmark = pytest.mark.any_database

TURN_SECONDS = 0.5

THREADS = 15
"""Of the attack; a web process has one more. With many more, waiting writers could hold every connection."""


class Attack:
    """Guesses without end, each with a solved puzzle; the queue is full whenever a turn ends."""

    def __init__(self, app: Flask, site: Site, clock: Clock, addresses: list[str]) -> None:
        self._site, self._clock = site, clock
        self._visitors = [Visitor(app, address) for address in addresses]
        self._places = min(PLACES, max(1, len(set(addresses)) - 1))
        self._over = threading.Event()
        self.turns = 0

    def stretch(self, *arguments: Any) -> bytes:
        """Have a turn, in place of Argon2, and end it when no place is free."""
        eventually(lambda: self._over.is_set() or self._site.argon2_queue.waiting >= self._places)
        self._clock.forward(seconds=TURN_SECONDS)
        self.turns += 1
        return self._stretch(*arguments)

    @contextmanager
    def under_way(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Attack while the block lasts."""
        self._stretch: Callable[..., bytes] = passphrase_key.stretch
        monkeypatch.setattr(passphrase_key, "stretch", self.stretch)
        with ThreadPoolExecutor(THREADS) as pool:
            attacks = [pool.submit(self._guess, self._visitors[first::THREADS]) for first in range(THREADS)]
            try:
                assert eventually(lambda: self.turns > len(self._visitors))
                yield
            finally:
                self._over.set()
        assert [each.exception() for each in attacks] == [None] * len(attacks)

    def _guess(self, visitors: list[Visitor]) -> None:
        """Guess as each of *visitors* in turn."""
        pages = [visitor.log_in(WRONG) for visitor in visitors]
        while visitors and not self._over.is_set():
            visitor, page = visitors.pop(0), pages.pop(0)
            visitors.append(visitor)
            pages.append(visitor.prove(page) if is_puzzle(page) else come_again(visitor, page, WRONG))
            self._over.wait(0.01)


def come_again(visitor: Visitor, page: TestResponse, *passphrase: str) -> TestResponse:
    """Press the button of the page that says how long to wait, or try from the beginning."""
    if 'name="ticket"' in page.text:
        return visitor.client.post("/organise/login", data=typed(page))
    return visitor.log_in(*passphrase)


@pytest.mark.parametrize(
    ("attackers", "networks"), [(6, 0), (4, 4), (6, 6), (40, 40)], ids=["same", "4", "6", "40"]
)
def test_puzzles_solved_by_others_keep_an_organiser_out_for_one_wait_at_most(
    app: Flask,
    site: Site,
    owner: Unlocked,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    attackers: int,
    networks: int,
) -> None:
    press(app)
    addresses = [f"198.51.100.{number}" if networks else AT_HOME for number in range(attackers)]
    attack = Attack(app, site, clock, addresses)
    with attack.under_way(monkeypatch):
        for _round in range(2):
            olga = Visitor(app)
            page = olga.log_in()
            page = olga.prove(page) if is_puzzle(page) else page
            if page.status_code == 429:
                assert page.headers["Retry-After"] in page.text
                until = clock() + timedelta(seconds=int(page.headers["Retry-After"]))
                assert eventually(lambda until=until: clock() >= until)  # type: ignore[misc]
                page = come_again(olga, page)
            assert page.status_code == 303
