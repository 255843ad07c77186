"""The whole story with the keyboard alone, and what a screen reader finds on each of its pages."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.browser import visiting
from tests.journeys.keyboard import Keyboard
from tests.journeys.server import Site

pytestmark = pytest.mark.browser

FRAME = """
- link "Skip to the content"
- banner:
  - navigation "Pages"
- main
- contentinfo:
  - navigation "More"
"""
"""The landmarks of every page, in order."""

HOME = """
- heading "Ask your State to answer the women’s call." [level=1]
- combobox "Whose delegation will you write to?"
- button "Read the letter"
- navigation "57 States, 57 letters"
- region "The women":
  - heading "The women" [level=2]
- region "The five officials":
  - heading "The five officials" [level=2]
"""

LETTER = """
- heading "Letter to the delegation of Germany" [level=1]
- article:
  - heading [level=2]
- region "Sign this letter":
  - heading "Sign this letter" [level=2]
  - group "Who may see your name?":
    - radio "Everyone"
    - radio "The delegation only" [checked]
    - 'radio "No one: count me without my name"'
  - group "Where do you live?":
    - radio "Germany"
    - radio "I would rather not say"
    - radio "Somewhere else"
  - textbox "Your name"
  - textbox "Your e-mail address"
  - checkbox /I sign this letter/
  - button "Sign"
"""

REFUSED = """
- alert:
  - heading "Please check one thing" [level=2]
  - list:
    - listitem:
      - link
"""

CHECK_YOUR_MAIL = """
- heading "Now check your e-mail" [level=1]
"""

PENDING = """
- 'heading "One step left: confirm your letter to Germany" [level=1]'
- region:
  - term: Name
  - definition: Mara Example
  - button "Confirm my signature"
  - button "Erase it instead"
"""

CONFIRMED = """
- heading "Thank you. Your signature is confirmed." [level=1]
- region "Share this letter":
  - heading "Share this letter" [level=2]
  - list:
    - listitem:
      - link "WhatsApp"
    - listitem:
      - link "Telegram"
    - listitem:
      - link "E-mail"
"""

WITHDRAWN = """
- heading "Your signature is withdrawn" [level=1]
"""


def hears(page: Page, main: str) -> None:
    """Check the landmarks of the page, and what its main part holds in this order, among other things."""
    expect(page.locator("body")).to_match_aria_snapshot(FRAME)
    expect(page.get_by_role("main")).to_match_aria_snapshot(main)


def test_the_whole_story_needs_no_more_than_a_keyboard(chromium: Browser, site: Site) -> None:
    with visiting(chromium, site.url) as page:
        keys = Keyboard(page)
        page.goto("/en/")
        hears(page, HOME)
        keys.write("Whose delegation will you write to?", "Deutschl")
        expect(page.get_by_role("option", name="Germany")).to_be_visible()
        page.keyboard.press("Enter")
        keys.press("Read the letter")
        page.wait_for_url("**/letters/de")

        hears(page, LETTER)
        keys.press("Sign now" if page.get_by_role("link", name="Sign now").is_visible() else "× Sign")
        keys.tab_to("The delegation only")
        keys.press("Germany", "Space")
        keys.write("Your name", "Mara Example")
        keys.write("Your e-mail address", "keyboard@example.org")
        page.keyboard.press("Enter")

        expect(page.get_by_role("alert")).to_be_focused()
        hears(page, REFUSED)
        keys.press("I sign this letter", "Space")
        keys.press("Sign")
        hears(page, CHECK_YOUR_MAIL)

        page.goto(site.mail("keyboard@example.org").link)
        hears(page, PENDING)
        keys.press("Confirm my signature")
        hears(page, CONFIRMED)
        keys.tab_to("WhatsApp")
        keys.press("Link and QR code")
        expect(page.get_by_label("Link to the letter")).to_be_visible()
        keys.press("Withdraw my signature")
        keys.press("Withdraw for good")
        hears(page, WITHDRAWN)
