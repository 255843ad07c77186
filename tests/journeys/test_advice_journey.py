"""Advice for endangered residents before they sign, with JavaScript and without."""

from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.browser import visiting
from tests.journeys.people import Supporter
from tests.journeys.server import Site

pytestmark = pytest.mark.browser

ADVICE = "Use Tor Browser, or a VPN that you trust"

ADVICE_BY_RESIDENCE = {
    "Kazakhstan": ADVICE,
    "Uzbekistan": "may reach authorities there",
    "I would rather not say": "nobody learns it from us",
    "France": "",
    "Germany": "",
}

TRAVEL = "do you travel there, or have family there?"

numbers = count(1)


@pytest.fixture
def address() -> str:
    return f"endangered{next(numbers)}@example.org"


def back_to(page: Page, path: str) -> None:
    """Choose the first page under `path` from the list of visited pages that a long press on Back shows."""
    browser = page.context.new_cdp_session(page)
    visited = browser.send("Page.getNavigationHistory")["entries"]
    first = next(each for each in visited if each["url"].endswith(path))
    browser.send("Page.navigateToHistoryEntry", {"entryId": first["id"]})
    page.wait_for_url(f"**{path}")


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def supporter(request: pytest.FixtureRequest, chromium: Browser, site: Site) -> Iterator[Supporter]:
    with visiting(chromium, site.url, java_script_enabled=request.param) as page:
        page.goto("/en/letters/de")
        yield Supporter(page)


@pytest.fixture
def scripted(chromium: Browser, site: Site) -> Iterator[Supporter]:
    with visiting(chromium, site.url) as page:
        page.goto("/en/letters/de")
        yield Supporter(page)


@pytest.fixture
def scriptless(chromium: Browser, site: Site) -> Iterator[Supporter]:
    with visiting(chromium, site.url, java_script_enabled=False) as page:
        page.goto("/en/letters/de")
        yield Supporter(page)


def test_the_residence_decides_which_advice_is_shown(supporter: Supporter) -> None:
    shown = supporter.page.locator(".advice").filter(visible=True)
    everyone = supporter.page.get_by_role("radio", name="Everyone")
    expect(shown).to_have_count(0)

    for residence, advice in ADVICE_BY_RESIDENCE.items():
        supporter.live_in(residence)
        expect(shown).to_have_count(1 if advice else 0)
        if advice:
            expect(shown).to_contain_text(advice)
        expect(everyone).to_have_count(0 if residence == "Kazakhstan" else 1)


def test_advice_about_travel_is_for_public_names_and_no_one_needs_no_name(supporter: Supporter) -> None:
    page = supporter.page
    name, details = page.get_by_label("Your name"), page.get_by_text("Add your town or your own words")
    expect(page.get_by_text(TRAVEL)).to_be_hidden()
    supporter.show_name_to("Everyone")
    expect(page.get_by_text(TRAVEL)).to_be_visible()
    expect(name).to_be_visible()

    supporter.show_name_to("No one")
    for hidden in (page.get_by_text(TRAVEL), name, details, page.get_by_label("Your town")):
        expect(hidden).to_be_hidden()
    supporter.show_name_to("The delegation only")
    expect(name).to_be_visible()
    expect(details).to_be_visible()


def test_the_button_before_the_fields_leads_to_a_short_form_that_is_taken(
    supporter: Supporter, site: Site, address: str
) -> None:
    page = supporter.page
    supporter.press("Use the safer form")
    expect(page.get_by_label("The place where you live")).to_have_value("KZ")
    expect(page.get_by_text(ADVICE)).to_be_visible()
    expect(page.get_by_role("radio", name="No one")).to_be_checked()
    expect(page.get_by_label("Your name")).to_be_hidden()
    assert "KZ" not in page.url

    supporter.fill(your_e_mail_address=address)
    supporter.consent()
    supporter.press("Sign")
    supporter.reads("Now check your e-mail")

    page.goto(site.mail(address).link)
    supporter.press("Confirm my signature")
    supporter.reads("Thank you. Your signature is confirmed.")
    supporter.unfold("Change who may see my name")
    expect(page.get_by_text("We kept the number only")).to_be_visible()


def test_with_scripts_no_one_is_chosen_for_them_and_taken_at_once(
    scripted: Supporter, site: Site, address: str
) -> None:
    page = scripted.page
    expect(page.get_by_role("radio", name="The delegation only")).to_be_checked()
    scripted.live_in("Kazakhstan")
    expect(page.get_by_role("radio", name="No one")).to_be_checked()
    scripted.live_in("France")
    expect(page.get_by_role("radio", name="The delegation only")).to_be_checked()

    scripted.live_in("Kazakhstan")
    scripted.fill(your_e_mail_address=address)
    scripted.consent()
    scripted.press("Sign")
    scripted.reads("Now check your e-mail")
    assert site.mail(address)


def test_with_scripts_a_choice_stays_unless_it_endangers(scripted: Supporter) -> None:
    page = scripted.page
    scripted.show_name_to("The delegation only")
    page.get_by_role("radio", name="No one").check()
    page.get_by_role("radio", name="The delegation only").check()
    scripted.live_in("Kazakhstan")
    expect(page.get_by_role("radio", name="The delegation only")).to_be_checked()

    scripted.live_in("France")
    scripted.show_name_to("Everyone")
    scripted.live_in("Kazakhstan")
    expect(page.get_by_role("radio", name="No one")).to_be_checked()


def test_without_scripts_the_advice_leads_on_to_the_safer_form(
    scriptless: Supporter, site: Site, address: str
) -> None:
    page = scriptless.page
    scriptless.live_in("Kazakhstan")
    scriptless.press("Go on to the safer form")
    scriptless.fill(your_e_mail_address=address)
    scriptless.consent()
    scriptless.press("Sign")
    scriptless.reads("Now check your e-mail")
    assert site.mail(address)
    assert page.context.cookies() == []


def test_without_scripts_signing_at_once_shows_the_advice_and_loses_nothing(
    scriptless: Supporter, site: Site, address: str
) -> None:
    page = scriptless.page
    scriptless.live_in("Kazakhstan")
    scriptless.fill(your_name="Mara Example", your_e_mail_address=address, your_own_words="Please.")
    scriptless.consent()
    scriptless.press("Sign")

    expect(page.get_by_role("alert")).to_contain_text("We have stored nothing yet")
    expect(page.get_by_text(ADVICE)).to_be_visible()
    expect(page.get_by_role("radio", name="No one")).to_be_checked()
    expect(page.get_by_label("Your name")).to_have_value("Mara Example")
    expect(page.get_by_label("Your own words")).to_have_value("Please.")
    scriptless.press("Sign")
    scriptless.reads("Now check your e-mail")
    assert site.mail(address)


def test_back_after_signing_from_where_it_is_dangerous_shows_an_empty_form(
    supporter: Supporter, address: str
) -> None:
    page = supporter.page
    supporter.live_in("Kazakhstan")
    supporter.show_name_to("The delegation only")
    supporter.fill(your_name="Mara Example", your_e_mail_address=address, your_own_words="Please.")
    supporter.consent()
    supporter.press("Sign")
    if page.get_by_role("alert").is_visible():  # without scripts the answer shows the advice first
        supporter.press("Sign")
    supporter.reads("Now check your e-mail")

    back_to(page, "/en/letters/de")
    assert filled_in(page) == {"delegation"}


def test_back_to_a_form_that_went_to_another_language_shows_an_empty_form(
    scripted: Supporter, address: str
) -> None:
    page = scripted.page
    scripted.live_in("Kazakhstan")
    scripted.show_name_to("The delegation only")
    scripted.fill(your_name="Mara Example", your_e_mail_address=address)
    page.get_by_role("link", name="Deutsch", exact=True).click()
    page.wait_for_url("**/de/letters/de#sign")
    assert {"Mara Example", address, "delegation", "KZ"} <= filled_in(page)
    assert page.evaluate("sessionStorage.length") == 0
    page.locator(".signature-form [name=consent]").check()
    page.locator(".signature-form .act").first.click()
    page.wait_for_url("**/de/check-your-mail#sign")

    for path in ("/de/letters/de#sign", "/en/letters/de"):
        back_to(page, path)
        assert filled_in(page) == {"delegation"}, path


def test_a_page_from_the_browsers_memory_is_emptied_too(scripted: Supporter, address: str) -> None:
    scripted.live_in("Kazakhstan")
    scripted.fill(your_e_mail_address=address)
    scripted.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert filled_in(scripted.page) == {"delegation"}

    scripted.live_in("France")
    scripted.fill(your_e_mail_address=address)
    scripted.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert filled_in(scripted.page) == {"delegation", "listed", "FR", address}


def filled_in(page: Page) -> set[str]:
    """Return the values that the form would send, but for the digest of the text above it."""
    sent = page.locator(".signature-form").evaluate("form => [...new FormData(form)]")
    return {text for name, text in sent if text and name != "shown"}
