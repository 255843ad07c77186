"""The cookie of a browser that logged in before."""

from datetime import timedelta

import pytest

from campaign.guard.known_browser import PERIOD_DAYS, is_known, new_cookie
from tests.conftest import NOW

KEY = b"k" * 32


def test_it_is_known_for_its_account_alone_in_any_spelling() -> None:
    cookie = new_cookie(KEY, "Olga Organiser", now=NOW)

    assert is_known(KEY, cookie, " olga  ORGANISER", now=NOW)
    assert not is_known(KEY, cookie, "Pavel", now=NOW)
    assert not is_known(b"x" * 32, cookie, "Olga Organiser", now=NOW)


def test_it_says_neither_whose_it_is_nor_since_when() -> None:
    cookies = {new_cookie(KEY, "Olga Organiser", now=NOW) for _ in range(2)}

    assert len(cookies) == 2
    assert not any("lga" in each or "2026" in each for each in cookies)


def test_it_runs_out() -> None:
    cookie = new_cookie(KEY, "Olga", now=NOW)

    assert is_known(KEY, cookie, "Olga", now=NOW + timedelta(days=PERIOD_DAYS))
    assert not is_known(KEY, cookie, "Olga", now=NOW + timedelta(days=2 * PERIOD_DAYS))


@pytest.mark.parametrize("cookie", ["", ".", "x", "a.b.c", "ü.\udc80", "." + "0" * 64, "x" * 4000])
def test_nonsense_is_not_known(cookie: str) -> None:
    assert not is_known(KEY, cookie, "Olga \udc80", now=NOW)
