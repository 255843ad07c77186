"""A letter on a small phone: what is in reach, how many taps it takes, and where errors are shown."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.journeys.browser import visiting
from tests.journeys.people import Supporter
from tests.journeys.server import Site

pytestmark = pytest.mark.browser

PHONE = {"width": 360, "height": 740}


class Taps:
    """A thumb that counts its taps."""

    def __init__(self, supporter: Supporter) -> None:
        self.page = supporter.page
        self.count = 0

    def tap(self, target: Locator) -> None:
        target.tap()
        self.count += 1

    def press(self, button: str) -> None:
        self.tap(self.page.get_by_role("button", name=button, exact=True))

    def choose(self, state: str) -> None:
        """Find the State in the picker: a tap, and one more on its name."""
        picker = self.page.get_by_label("Whose delegation will you write to?")
        self.count += 2
        if picker.evaluate("picker => picker.localName") == "select":
            picker.select_option(label=state)
        else:
            picker.fill(state)
            picker.press("Enter")


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def supporter(request: pytest.FixtureRequest, chromium: Browser, site: Site) -> Iterator[Supporter]:
    how = {"java_script_enabled": request.param, "viewport": PHONE, "has_touch": True}
    with visiting(chromium, site.url, **how) as page:
        yield Supporter(page)


def test_ten_taps_lead_from_the_home_page_to_a_confirmed_signature(supporter: Supporter, site: Site) -> None:
    page, thumb = supporter.page, Taps(supporter)
    address = f"thumb{id(page)}@example.org"
    page.goto("/en/")
    thumb.choose("Germany")
    thumb.press("Read the letter")
    supporter.reads("Letter to the delegation of Germany")
    thumb.tap(page.get_by_role("link", name="Sign now"))
    thumb.tap(page.get_by_text("Germany", exact=True).last)
    thumb.tap(page.get_by_label("Your name"))
    page.keyboard.type("Mara Example")
    page.keyboard.press("Tab")  # "next" on a phone's keyboard
    page.keyboard.type(address)
    thumb.tap(page.get_by_role("checkbox", name="I sign"))
    thumb.press("Sign")
    supporter.reads("Now check your e-mail")

    page.goto(site.mail(address).link)
    thumb.count += 1
    thumb.press("Confirm my signature")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
    assert thumb.count <= 10


def test_sign_now_stays_in_reach_until_the_form_is_on_the_screen(supporter: Supporter) -> None:
    page = supporter.page
    page.goto("/en/letters/de")
    bar, button = (
        page.get_by_role("link", name="Sign now"),
        page.get_by_role("button", name="Sign", exact=True),
    )
    expect(bar).to_be_in_viewport(ratio=1)
    for _ in range(3):
        page.mouse.wheel(0, 500)
        expect(bar).to_be_in_viewport(ratio=1)

    bar.tap()
    expect(page.get_by_role("heading", name="Sign this letter")).to_be_in_viewport(ratio=1)
    expect(page.get_by_text("Who may see your name?")).to_be_in_viewport()
    button.scroll_into_view_if_needed()
    expect(bar).not_to_be_in_viewport()


def test_a_refused_form_opens_at_its_errors(supporter: Supporter) -> None:
    page = supporter.page
    page.goto("/en/letters/de")
    supporter.press("Sign")

    errors = page.get_by_role("alert")
    expect(errors).to_contain_text("Please check 4 things")
    expect(errors).to_be_in_viewport(ratio=1)
    expect(errors).to_be_focused()
    errors.get_by_role("link").first.click()
    expect(page.get_by_role("radio", name="Germany")).to_be_focused()


def test_a_misspelt_domain_is_corrected_by_one_tap(
    supporter: Supporter, site: Site, request: pytest.FixtureRequest
) -> None:
    page, has_script = supporter.page, request.node.callspec.params["supporter"]
    page.goto("/en/letters/de")
    supporter.show_name_to("No one")
    supporter.live_in("Germany")
    address = f"thumb{id(page)}@gmail.con"
    supporter.fill(your_e_mail_address=address)
    supporter.consent()
    supporter.press("Sign")

    expect(page.get_by_role("alert")).to_contain_text("Did you mean gmail.com?")
    corrected = address.replace(".con", ".com")
    page.get_by_text(corrected).tap()
    supporter.press("Sign")
    supporter.reads("Now check your e-mail")
    if has_script:
        expect(page.get_by_text("We wrote to:")).to_contain_text(corrected)
    assert site.mail(corrected)


def test_what_was_typed_goes_along_to_another_language(supporter: Supporter) -> None:
    page = supporter.page
    page.goto("/en/letters/de")
    supporter.fill(your_name="Mara Example", your_own_words="Please act.")
    supporter.live_in("France")
    is_scripted = page.evaluate("!matchMedia('(scripting: none)').matches")
    if is_scripted:
        page.locator(".languages").get_by_role("link", name="Français").click()
    else:
        supporter.press("Continue in another language")
        page.get_by_role("group", name="Continue in another language").get_by_text("Français").click()
    expect(page).to_have_url(re.compile(r"/fr/letters/de#sign$"))
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.locator("input[name=name]")).to_have_value("Mara Example")
    expect(page.locator("textarea[name=words]")).to_have_value("Please act.")
    expect(page.locator("select[name=residence]")).to_have_value("FR")
    expect(page.locator("[name=consent]")).not_to_be_checked()
    page.goto("/en/letters/de")
    page.locator(".languages").get_by_role("link", name="Français").click()
    expect(page).to_have_url(re.compile(r"/fr/letters/de$"))
