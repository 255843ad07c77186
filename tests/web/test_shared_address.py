"""Counters do not tell who shares an address, or a name at the login, what others do."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from flask import Flask

from campaign.guard import proof_of_work
from campaign.organiser.account import Unlocked
from campaign.settings import Settings
from campaign.web.site import Site
from tests.conftest import Clock
from tests.web.conftest import FORM, Supporter
from tests.web.organise.test_locked_out import NAME, WRONG, Visitor, is_puzzle

# Nothing here is counted in the database.
pytestmark = pytest.mark.any_database

HOME = "192.0.2.1"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, unlimited_networks=())


def with_seed(app: Flask, seed: int) -> Flask:
    """Let the limits of *app* lie where *seed* puts them."""
    app.extensions["campaign"].rate_limits._draw_salt = Random(seed).randbytes  # noqa: S311 - repeatable
    return app


def sign(app: Flask, address: str, email: str) -> int:
    return (
        app.test_client()
        .post("/en/letters/de", data=FORM | {"email": email}, environ_base={"REMOTE_ADDR": address})
        .status_code
    )


def test_the_first_puzzle_does_not_tell_whether_a_neighbour_signed(app: Flask, clock: Clock) -> None:
    with_seed(app, 1)
    seen: dict[bool, set[int]] = {False: set(), True: set()}
    for number in range(16):
        clock.forward(minutes=2)  # no surge
        address, has_signed = f"203.0.113.{number}", number % 2 == 1
        if has_signed:
            assert sign(app, address, f"neighbour{number}@example.org") == 303
        own = [sign(app, address, f"own{number}.{at}@example.org") for at in range(13)]
        seen[has_signed].add(own.index(422))

    assert len(seen[False] & seen[True]) >= 2


def test_codes_from_an_address_keep_nobody_there_from_confirming_and_withdrawing(
    supporter: Supporter,
) -> None:
    supporter.sign()
    codes = ["x", "0" * 20]
    answers = {
        supporter.client.post("/en/signature", data={"code": codes[at % 2]}).status_code for at in range(260)
    }

    assert answers == {422, 404}
    assert supporter.act("confirm").status_code == 303
    assert supporter.act("withdraw").status_code == 303


@pytest.mark.parametrize("code", ["", " ", "\u200b", "\t\u2060"])
def test_link_requests_are_limited_whatever_empty_code_comes_with_them(
    supporter: Supporter, site: Site, clock: Clock, code: str
) -> None:
    for _ in range(250):
        site.rate_limits.add("link", "127.0.0.1", clock())

    posted = supporter.client.post("/en/signature", data={"code": code, "email": "mara@example.org"})

    assert posted.status_code in {429, 422}
    assert [mail.purpose for mail in supporter.mails()] == []


def test_confirming_and_withdrawing_leave_no_mark_in_a_counter(supporter: Supporter, site: Site) -> None:
    def counted() -> Any:
        limits = site.rate_limits
        return [
            {kind: sorted(counts.values()) for kind, counts in period.counts.items() if counts}
            for period in (limits._period, limits._day)
        ]

    supporter.sign()
    before = counted()
    for action in ("confirm", "withdraw"):
        assert supporter.act(action).status_code == 303
    supporter.client.post("/en/signature", data={"code": supporter.token})

    assert counted() == before


def free_tries(app: Flask, name: str) -> int:
    """Return how often strangers may guess at *name* before a puzzle is asked."""
    for number in range(30):
        if is_puzzle(Visitor(app, f"198.51.{number}.1").log_in(WRONG, name)):
            return number
    raise AssertionError("no puzzle")


@pytest.fixture
def seeded_app(
    make_app: Callable[[Settings], Flask], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Flask]:
    monkeypatch.setattr(proof_of_work, "MIN_TRIES", 1)
    monkeypatch.setattr(proof_of_work, "MAX_TRIES", 2)
    return lambda: with_seed(make_app(settings), 7)


def test_free_tries_at_a_name_do_not_tell_whether_its_owner_logged_in(
    app: Flask, owner: Unlocked, seeded_app: Callable[[], Flask]
) -> None:
    quiet, used = seeded_app(), seeded_app()
    for number in range(3):
        assert Visitor(used, f"203.0.113.{number}").log_in().status_code == 303

    assert free_tries(used, NAME) == free_tries(quiet, NAME)


def test_free_tries_differ_between_names(seeded_app: Callable[[], Flask]) -> None:
    assert len({free_tries(seeded_app(), f"Nobody {number}") for number in range(3)}) > 1


def test_a_wrong_login_is_not_taken_back(owner: Unlocked, seeded_app: Callable[[], Flask]) -> None:
    quiet, used = seeded_app(), seeded_app()
    assert Visitor(used).log_in(WRONG).status_code == 422

    assert free_tries(used, NAME) == free_tries(quiet, NAME) - 1
