"""Signing when many signatures come from one network: the proof of work, with JavaScript and without."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from campaign.guard.threshold import FREE_SIGNATURES, TICKET_SECONDS
from tests.journeys.accessibility import check, prepare
from tests.journeys.browser import visiting
from tests.journeys.people import Supporter
from tests.journeys.server import Site, serving
from tests.support.relay import Relay

pytestmark = pytest.mark.browser

WORDS = 'One & "two".\n\nThree.'


@pytest.fixture(scope="module")
def site(chromium: Browser, mails: Relay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run a site that limits this machine like any network, and has just got many signatures from it."""
    with serving(tmp_path_factory.mktemp("site"), mails, unlimited_networks="") as running:
        for number in range(FREE_SIGNATURES.per_period.highest + 1):
            last = running.try_to_sign(email=f"mara{number}@example.org")
        assert last == 422
        yield running


def visit(chromium: Browser, site: Site, **how: Any) -> AbstractContextManager[Page]:
    return visiting(chromium, site.url, **how)


def sign(page: Page, address: str) -> Supporter:
    supporter = Supporter(page)
    page.goto("/en/letters/de")
    supporter.fill(your_name="Mara Exämple", your_e_mail_address=address, your_own_words=WORDS)
    supporter.live_in("France")
    supporter.consent()
    supporter.press("Sign")
    return supporter


def test_a_browser_solves_the_puzzle_and_signs_by_itself(chromium: Browser, site: Site) -> None:
    with visit(chromium, site) as page:
        sign(page, "solver@example.org").reads("Now check your e-mail")

    assert site.mail("solver@example.org").link


def test_a_browser_that_cannot_solve_it_shows_the_button(chromium: Browser, site: Site) -> None:
    with visit(chromium, site) as page:
        page.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined })")
        sign(page, "old@example.org").reads("One moment, please")

        expect(page.get_by_role("button", name="Sign", exact=True)).to_be_visible()
        expect(page.get_by_role("status")).to_have_count(0)
        assert page.locator("[name=words]").input_value() == WORDS


def test_without_javascript_the_page_says_how_long_to_wait_and_loses_nothing(
    chromium: Browser, site: Site
) -> None:
    with visit(chromium, site, java_script_enabled=False) as page:
        supporter = sign(page, "patient@example.org")
        supporter.reads("One moment, please")
        expect(page.get_by_text(f"Please wait {TICKET_SECONDS} seconds")).to_be_visible()
        supporter.press("Sign")

        expect(page.get_by_text("then press the button")).to_be_visible()
        assert page.locator("[name=words]").input_value().split() == WORDS.split()
        assert page.locator("[name=name]").input_value() == "Mara Exämple"


def test_the_page_with_the_puzzle_is_accessible(chromium: Browser, site: Site) -> None:
    with visit(chromium, site) as page:
        prepare(page.context)
        # Without its worker the puzzle is never solved, so the page stays.
        page.route("**/pbkdf2.js", lambda _route: None)
        sign(page, "reader@example.org")
        expect(page.get_by_role("status")).to_contain_text("solving a small puzzle")

        check(page)
