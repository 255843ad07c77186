"""Nobody keeps an organiser out by guessing: who is under pressure solves a puzzle, and gets in."""

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from flask import Flask, before_render_template
from sqlalchemy import select
from werkzeug.test import TestResponse

from campaign.database.table import Base
from campaign.guard import proof_of_work
from campaign.guard.argon2_queue import Rank
from campaign.guard.threshold import (
    FREE_LOGINS_TO_A_NAME,
    FREE_LOGINS_TO_A_NAME_FROM_A_NETWORK,
    KNOWN_BROWSERS_LOGINS,
    OWN_ATTEMPTS,
    TICKET_SECONDS,
)
from campaign.organiser.account import Unlocked
from campaign.sealing import passphrase_key
from campaign.settings import Settings
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.factories import PASSPHRASE
from tests.support.worker import eventually
from tests.web.conftest import OrganisersBrowser
from tests.web.supporter.test_admission import answer

# Nothing here is counted in the database.
pytestmark = pytest.mark.any_database

AT_HOME = "203.0.113.9"
NAME = "Olga Organiser"
WRONG = "not this one at all"


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(proof_of_work, "MIN_TRIES", 1)
    monkeypatch.setattr(proof_of_work, "MAX_TRIES", 2)
    return replace(settings, unlimited_networks=())


class Visitor:
    """A browser in a network."""

    def __init__(self, app: Flask, address: str = AT_HOME) -> None:
        self.browser = OrganisersBrowser(app)
        self.address = address
        self.client = self.browser.client
        self.client.environ_base["REMOTE_ADDR"] = address
        self.token = self.browser.token("/organise/login")

    def log_in(self, passphrase: str = PASSPHRASE, name: str = NAME, **more: str) -> TestResponse:
        form = {"csrf_token": self.token, "name": name, "passphrase": passphrase, "code": "", **more}
        return self.client.post("/organise/login", data=form)

    def prove(self, page: TestResponse) -> TestResponse:
        """Solve the page's puzzle and send its form, as a browser does."""
        return self.client.post("/organise/login", data=typed(page) | {"altcha": answer(page)})


def typed(page: TestResponse) -> dict[str, str]:
    passphrase = re.search(r'<input type="password" name="passphrase" value="([^"]*)"', page.text)
    assert passphrase
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    return dict(fields) | {"passphrase": passphrase[1]}


def is_puzzle(page: TestResponse) -> bool:
    return page.status_code == 422 and "data-puzzle" in page.text


class Guesser(Visitor):
    """One browser that sends each form from the next of many networks."""

    def __init__(self, app: Flask, *, networks: int) -> None:
        super().__init__(app)
        self._numbers, self._networks = count(), networks

    def guess(self, name: str = NAME) -> TestResponse:
        self.client.environ_base["REMOTE_ADDR"] = f"198.51.100.{next(self._numbers) % self._networks}"
        return self.log_in(WRONG, name)


def press(app: Flask, *, name: str = NAME) -> list[TestResponse]:
    """Guess *name*'s passphrase from many networks, until a further login needs a proof."""
    guesser = Guesser(app, networks=40)
    return [guesser.guess(name) for _ in range(FREE_LOGINS_TO_A_NAME.per_period.highest + 1)]


@pytest.mark.parametrize("networks", [4, 40])
def test_guesses_from_many_networks_keep_an_organiser_out_in_no_round(
    app: Flask, owner: Unlocked, clock: Clock, networks: int
) -> None:
    guesser, rounds, first_tries = Guesser(app, networks=networks), 10, 0
    for _ in range(FREE_LOGINS_TO_A_NAME.per_period.lowest):
        guesser.guess()
    for _round in range(rounds):
        clock.forward(seconds=48)
        for _ in range(4):
            guesser.guess()
        olga = Visitor(app)
        page = olga.log_in()
        if page.status_code == 303:
            first_tries += 1
            continue
        assert is_puzzle(page)
        assert olga.prove(page).status_code == 303
    assert first_tries < rounds


def test_one_network_has_fewer_free_guesses_at_a_name_than_all_have(app: Flask, owner: Unlocked) -> None:
    guesser = Visitor(app)
    free, most = FREE_LOGINS_TO_A_NAME_FROM_A_NETWORK.per_period
    assert most < FREE_LOGINS_TO_A_NAME.per_period.lowest

    assert not any(is_puzzle(guesser.log_in(WRONG)) for _ in range(free))
    for _ in range(free, most):
        guesser.log_in(WRONG)
    assert is_puzzle(guesser.log_in(WRONG, NAME.upper()))
    assert not is_puzzle(guesser.log_in(WRONG, "Pavel"))
    assert not is_puzzle(Visitor(app, "198.51.100.7").log_in(WRONG))


def test_a_proof_is_good_once_and_a_guess_needs_one_each(app: Flask, owner: Unlocked) -> None:
    press(app)
    guesser = Visitor(app, "198.51.100.77")
    page = guesser.log_in(WRONG)
    proven = typed(page) | {"altcha": answer(page)}

    assert "do not match" in guesser.client.post("/organise/login", data=proven).text
    assert is_puzzle(guesser.client.post("/organise/login", data=proven))


def test_the_page_after_a_refused_proof_is_rendered_while_others_can_write(
    app: Flask, site: Site, owner: Unlocked
) -> None:
    press(app)
    guesser = Visitor(app, "198.51.100.77")
    page = guesser.log_in(WRONG)
    proven = typed(page) | {"altcha": answer(page)}
    guesser.client.post("/organise/login", data=proven)
    rendered = []

    def write(_app: Flask, **_context: Any) -> None:
        with closing(sqlite3.connect(str(site.database.url.database), timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
        rendered.append(True)

    with before_render_template.connected_to(write, app):
        assert is_puzzle(guesser.client.post("/organise/login", data=proven))
    assert rendered


def test_who_waited_takes_no_place_from_others_as_who_solved_a_puzzle_does(
    app: Flask, site: Site, owner: Unlocked, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranks, turn = list[Rank](), site.argon2_queue.turn

    def recorded_turn(who: bytes, rank: Rank, **options: Any) -> Any:
        ranks.append(rank)
        return turn(who, rank, **options)

    press(app)
    waited, solved = Visitor(app), Visitor(app, "203.0.113.10")
    fields, page = typed(waited.log_in(WRONG)), solved.log_in(WRONG)
    clock.forward(seconds=TICKET_SECONDS)
    monkeypatch.setattr(site.argon2_queue, "turn", recorded_turn)
    waited.client.post("/organise/login", data=fields)
    solved.prove(page)

    assert ranks == [Rank.OTHER, Rank.PROVEN]


def test_without_javascript_one_waits_once_for_each_login(app: Flask, owner: Unlocked, clock: Clock) -> None:
    press(app)
    olga = Visitor(app)
    fields = typed(olga.log_in())
    early = olga.client.post("/organise/login", data=fields)
    assert is_puzzle(early)
    assert typed(early)["ticket"] == fields["ticket"]
    clock.forward(seconds=TICKET_SECONDS)

    assert olga.client.post("/organise/login", data=fields).status_code == 303
    again = Visitor(app)
    assert is_puzzle(again.log_in(ticket=fields["ticket"]))
    other = Visitor(app)
    ticket = typed(other.log_in())["ticket"]
    clock.forward(seconds=TICKET_SECONDS)
    press(app, name="Pavel")
    assert is_puzzle(other.log_in(name="Pavel", ticket=ticket)), "it is good for one name"
    assert other.log_in(ticket=ticket).status_code == 303


def test_a_name_that_no_account_has_gets_the_same_puzzle(app: Flask, owner: Unlocked) -> None:
    answers = [[page.status_code for page in press(app, name=name)] for name in (NAME, "Nobody")]
    assert answers[0] == answers[1]
    asked = [Visitor(app).log_in(WRONG, name).text for name in (NAME, "Nobody")]
    pages = [re.sub(r'(value|data-puzzle)="[^"]*"', "", page) for page in asked]
    assert pages[0] == pages[1]
    assert "data-worker" in pages[0]


def test_a_browser_that_logged_in_before_sees_no_puzzle(app: Flask, owner: Unlocked, clock: Clock) -> None:
    olga = Visitor(app)
    assert olga.log_in().status_code == 303
    assert olga.client.post("/organise/logout", data={"csrf_token": olga.browser.token()}).status_code == 303
    clock.forward(days=30)
    press(app)

    olga.token = olga.browser.token("/organise/login")
    assert olga.log_in(WRONG).status_code == 422
    assert olga.log_in().status_code == 303


def test_the_cookie_of_a_known_browser_opens_nothing_and_has_a_budget(app: Flask, owner: Unlocked) -> None:
    olga = Visitor(app)
    found = next(each for each in olga.log_in().headers.getlist("Set-Cookie") if "known-browser" in each)
    flags = found.split("; ")[1:]
    assert {"HttpOnly", "Path=/organise", "SameSite=Strict"} <= set(flags)
    press(app)
    thief = Visitor(app, "198.51.100.66")
    thief.client.set_cookie("known-browser", found.partition("=")[2].partition(";")[0], path="/organise")

    assert thief.client.get("/organise/").status_code == 303
    answers = [thief.log_in(WRONG) for _ in range(KNOWN_BROWSERS_LOGINS.per_period.highest + 1)]
    assert [is_puzzle(page) for page in answers] == [False] * KNOWN_BROWSERS_LOGINS.per_period.highest + [
        True
    ]
    press(app, name="Pavel")
    assert is_puzzle(thief.log_in(WRONG, name="Pavel"))


def test_a_form_without_a_name_of_ours_or_with_nonsense_is_answered(app: Flask, owner: Unlocked) -> None:
    press(app)
    olga = Visitor(app)
    for nonsense in ({"altcha": "x"}, {"ticket": "x"}, {"altcha": "", "ticket": "1." + "0" * 64}):
        assert is_puzzle(olga.log_in(**nonsense))


def test_wrong_recovery_codes_and_links_keep_nobody_waiting(
    app: Flask, site: Site, organiser_code: str
) -> None:
    stranger, new = Visitor(app), "seven fresh words for olga today"
    form = {"csrf_token": stranger.token, "passphrase": new, "passphrase_again": new}
    for _ in range(40):
        answered = stranger.client.post("/organise/recover", data=form | {"code": "0" * 32})
        assert answered.status_code == 422
        assert stranger.client.post("/organise/setup/" + "0" * 20, data=form).status_code == 404

    assert stranger.client.post("/organise/recover", data=form | {"code": organiser_code}).status_code == 200


@pytest.fixture
def organiser_code(app: Flask, owner: Unlocked) -> str:
    """Return the owner's recovery code."""
    olga = Visitor(app)
    assert olga.log_in().status_code == 303
    page = olga.browser.post("/organise/account/recovery-code").text
    found = re.search(r"(?:[0-9A-Z]{4}-){7}[0-9A-Z]{4}", page)
    assert found
    return found[0]


def test_each_session_has_a_budget_for_its_own_passphrase(app: Flask, owner: Unlocked) -> None:
    thief, olga = Visitor(app), Visitor(app)
    assert thief.log_in().status_code == olga.log_in().status_code == 303
    answers = [
        thief.browser.post("/organise/again", passphrase=WRONG).status_code
        for _ in range(OWN_ATTEMPTS.per_period.highest + 1)
    ]

    assert answers == [422] * OWN_ATTEMPTS.per_period.highest + [429]
    assert olga.browser.post("/organise/again", passphrase=PASSPHRASE).status_code == 303


class SlowHash:
    """Argon2 that stops at each hash until the test lets it go on."""

    def __init__(self, stretch: Callable[..., bytes]) -> None:
        self._stretch = stretch
        self.begun: list[str] = []
        self._begins, self._may_end = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, passphrase: str, *arguments: Any) -> bytes:
        self.begun.append(passphrase)
        self._begins.release()
        assert self._may_end.acquire(timeout=30)
        return self._stretch(passphrase, *arguments)

    def wait_for_begin(self) -> None:
        assert self._begins.acquire(timeout=30)

    def end_one(self, number: int = 1) -> None:
        self._may_end.release(number)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, owner: Unlocked) -> Iterator[SlowHash]:
    made = SlowHash(passphrase_key.stretch)
    monkeypatch.setattr(passphrase_key, "stretch", made)
    yield made
    made.end_one(1000)


def test_thirty_invented_names_from_one_network_delay_a_login_by_a_hash_or_two(
    app: Flask, site: Site, slow: SlowHash
) -> None:
    attackers = [Visitor(app, "198.51.100.7") for _ in range(30)]
    olga = Visitor(app)
    with ThreadPoolExecutor(32) as pool:
        flood = [pool.submit(each.log_in, WRONG, f"Nobody {number}") for number, each in enumerate(attackers)]
        slow.wait_for_begin()
        assert eventually(lambda: site.argon2_queue.waiting == 1)
        login = pool.submit(olga.log_in)
        assert eventually(lambda: site.argon2_queue.waiting == 2)
        slow.end_one(2)
        assert login.result(30).status_code == 303
        assert slow.begun[:2] == [WRONG, PASSPHRASE]
        slow.end_one(100)
        assert sum(is_puzzle(each.result(30)) for each in flood) >= 26


def test_no_address_of_who_logs_in_is_stored(app: Flask, site: Site, owner: Unlocked, caplog: Any) -> None:
    press(app)
    olga = Visitor(app)
    olga.prove(olga.log_in())
    with site.database.reading() as db:
        kept = repr([db.execute(select(table)).all() for table in Base.metadata.sorted_tables])

    assert AT_HOME not in kept + caplog.text
    assert "198.51.100" not in kept + caplog.text
    assert "198.51.100" not in repr(vars(site.argon2_queue))
