"""An owner records a native reader's check by keyboard alone; a supporter without JavaScript sees it."""

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.browser import visiting
from tests.journeys.keyboard import Keyboard
from tests.journeys.people import Organiser
from tests.journeys.server import Site

pytestmark = pytest.mark.browser

NOTICE = "Diese Übersetzung hat noch niemand mit dieser Muttersprache geprüft."


def test_a_check_by_keyboard_takes_the_notice_off_the_letter(chromium: Browser, site: Site) -> None:
    with (
        visiting(chromium, site.url) as desk,
        visiting(chromium, site.url, java_script_enabled=False) as page,
    ):
        page.goto("/de/letters/at")
        expect(page.get_by_text(NOTICE)).to_be_visible()
        page.get_by_role("link", name="Das englische Original lesen").click()
        expect(page).to_have_url(f"{site.url}/en/letters/at")

        Organiser(desk).make_account(site.setup_link)
        keyboard = Keyboard(desk)
        desk.goto("/organise/languages")
        keyboard.tab_to("German")
        desk.keyboard.press("Enter")
        expect(desk.get_by_role("heading", name="German")).to_be_visible()
        keyboard.tab_to("All 27 letters with this request")
        desk.keyboard.press("Space")
        desk.get_by_label("Name of the native reader").focus()
        desk.keyboard.type("G. R.")
        desk.keyboard.press("Enter")
        expect(desk.get_by_role("status")).to_have_text("Saved.")
        expect(desk.get_by_text("Checked: G. R.")).to_have_count(27)

        page.goto("/de/letters/at")
        expect(page.get_by_role("article")).to_be_visible()
        expect(page.get_by_text(NOTICE)).to_have_count(0)
