"""Accessibility of every page: axe-core in both colour schemes, and a small phone."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.accessibility import SEEN_BY_COLOUR, check, find_no_fault, mark_new_looks, prepare
from tests.journeys.browser import visiting
from tests.journeys.people import Organiser, Supporter
from tests.journeys.server import Site

pytestmark = pytest.mark.browser

FOR_EVERYONE = {
    "home": "/en/",
    "home without a choice": "/en/letters?state=",
    "letter": "/en/letters/de",
    "letter to the accused state": "/en/letters/kz",
    "check your mail": "/en/check-your-mail",
    "find": "/en/signature",
    "link that opens nothing": f"/en/signature/{'0' * 20}",
    "link sent": "/en/signature/sent",
    "person": "/en/persons/nazarbayev",
    "progress": "/en/progress",
    "find a delivery": "/en/verify",
    "unknown delivery": f"/en/verify/{'0' * 20}",
    "privacy": "/en/privacy",
    "accessibility": "/en/accessibility",
    "embed": "/en/embed/de",
    "no such page": "/en/nothing-here",
    "login": "/organise/login",
    "recover": "/organise/recover",
}

FOR_ORGANISERS = {
    "dashboard": "/organise/",
    "names to approve": "/organise/signatures",
    "words to approve": "/organise/signatures?kind=words",
    "checks": "/organise/checks",
    "checks that found something": "/organise/checks?state=fr",
    "notices": "/organise/notices",
    "requests": "/organise/requests",
    "deliveries": "/organise/deliveries",
    "prepare": "/organise/deliveries/new/fr",
    "delegations": "/organise/delegations",
    "delegation": "/organise/delegations?state=de",
    "languages": "/organise/languages",
    "translation": "/organise/languages/de",
    "texts of a translation": "/organise/languages/de/home",
    "audit": "/organise/audit",
    "safety": "/organise/safety",
    "account": "/organise/account",
    "codes": "/organise/account/codes",
    "passphrase": "/organise/account/passphrase",
    "promotion": "/organise/account/promotion",
    "passphrase again": "/organise/again?target=/organise/lists/all.csv",
    "closing": "/organise/closing",
    "drill": "/organise/account/recovery-code/drill",
}


@dataclass(frozen=True)
class Campaign:
    """A campaign with something on every page."""

    site: Site
    visitor: Page
    organiser: Organiser
    links: dict[str, str]
    """The private pages by the state of the signature, and the pages of a delivery."""


@pytest.fixture(scope="module")
def campaign(chromium: Browser, site: Site) -> Iterator[Campaign]:
    links = {
        "pending": site.add_signature(email="pia@example.org", is_confirmed=False),
        "confirmed": site.add_signature(email="mara@example.org", words="I was there."),
        "withdrawn": site.add_signature(email="wanda@example.org"),
        # One of the two letters is confirmed.
        "several": site.add_signature(email="selma@example.org", also="fr"),
    }
    site.act(links["withdrawn"], "withdraw")
    struck = site.add_signature(email="stella@example.org")
    site.add_signature("fr", email="paula@example.org", disclosure="public", words="So was I.")
    site.add_signature("fr", email="unread@example.org", name="Ulrich Unread", disclosure="public")
    with visiting(chromium, site.url) as visitor, visiting(chromium, site.url) as desk:
        organiser = Organiser(desk)
        organiser.make_account(site.setup_link)
        organiser.enter_organisation()
        organiser.import_addresses(de="mission.de@example.org", fr="mission.fr@example.org")
        organiser.approve("Public names", "Mara Example")
        organiser.prepare("Germany")
        links["delivery"] = organiser.send()
        site.act(struck, "withdraw")
        organiser.take_off_the_count("Ulrich Unread", reason="Asked by telephone.")
        links["verify"] = f"/en/verify/{site.mail('mission.de@example.org').document.code}"
        for page in (visitor, desk):
            prepare(page.context)
        yield Campaign(site, visitor, organiser, links)


@pytest.mark.parametrize("path", FOR_EVERYONE.values(), ids=FOR_EVERYONE)
def test_everyone_can_read_the_page(campaign: Campaign, path: str) -> None:
    campaign.visitor.goto(path)

    check(campaign.visitor)


@pytest.mark.parametrize("path", FOR_ORGANISERS.values(), ids=FOR_ORGANISERS)
def test_organisers_can_read_the_page(campaign: Campaign, path: str) -> None:
    campaign.organiser.page.goto(path)

    check(campaign.organiser.page)


@pytest.mark.parametrize("what", ["pending", "confirmed", "withdrawn", "delivery", "verify"])
def test_the_page_of_a_signature_or_a_delivery_can_be_read(campaign: Campaign, what: str) -> None:
    page = campaign.organiser.page if what == "delivery" else campaign.visitor
    page.goto(campaign.links[what])

    check(page)


def refused_letter(campaign: Campaign) -> Page:
    campaign.visitor.goto("/en/letters/de")
    Supporter(campaign.visitor).press("Sign")
    expect(campaign.visitor.get_by_role("alert")).to_be_visible()
    return campaign.visitor


def safer_form(campaign: Campaign) -> Page:
    campaign.visitor.goto("/en/letters/de")
    Supporter(campaign.visitor).press("Use the safer form")
    expect(campaign.visitor.get_by_role("radio", name="Everyone")).to_have_count(0)
    return campaign.visitor


def advice(campaign: Campaign) -> Page:
    campaign.visitor.goto("/en/letters/de")
    Supporter(campaign.visitor).live_in("Kazakhstan")
    return campaign.visitor


def further_letters(campaign: Campaign) -> Page:
    campaign.visitor.goto("/en/letters/de")
    Supporter(campaign.visitor).press("Also sign the letters to other delegations")
    expect(campaign.visitor.get_by_role("checkbox", name="Kazakhstan")).to_be_visible()
    return campaign.visitor


def several_letters(campaign: Campaign) -> Page:
    campaign.visitor.goto(campaign.links["several"])
    Supporter(campaign.visitor).reads("One step left: confirm your letters")
    for part in ("Change who may see my name", "Withdraw my signatures"):
        Supporter(campaign.visitor).unfold(part)
    return campaign.visitor


def change_of_safety(campaign: Campaign) -> Page:
    page = campaign.organiser.page
    page.goto("/organise/safety")
    page.get_by_label("Belarus").uncheck()
    page.get_by_label("Add a place").select_option(label="Belarus")
    campaign.organiser.press("Look at the change")
    campaign.organiser.reads("What this means")
    return page


def everything_held(campaign: Campaign) -> Page:
    campaign.visitor.goto(campaign.links["confirmed"])
    campaign.visitor.get_by_text("Everything we store").click()
    return campaign.visitor


def refused_login(campaign: Campaign) -> Page:
    campaign.visitor.goto("/organise/login")
    Supporter(campaign.visitor).press("Log in")
    expect(campaign.visitor.get_by_role("alert")).to_be_visible()
    return campaign.visitor


def refused_import(campaign: Campaign) -> Page:
    page = campaign.organiser.page
    page.goto("/organise/delegations")
    file = {
        "name": "addresses.csv",
        "mimeType": "text/csv",
        "buffer": b"state,email,source,checked_on\nxx,,,\n",
    }
    page.get_by_label("CSV file").set_input_files(file)  # type: ignore[arg-type]
    campaign.organiser.press("Import")
    expect(page.get_by_role("alert")).to_be_visible()
    return page


def invitation(campaign: Campaign) -> Page:
    assert campaign.organiser.invite()
    return campaign.organiser.page


def setup(campaign: Campaign) -> Page:
    campaign.visitor.goto(campaign.organiser.invite())
    return campaign.visitor


def member(campaign: Campaign) -> Page:
    campaign.organiser.page.goto("/organise/account")
    campaign.organiser.page.get_by_role("link", name="Change Olga Organiser").click()
    campaign.organiser.reads("Olga Organiser")
    return campaign.organiser.page


def last_owner(campaign: Campaign) -> Page:
    page = member(campaign)
    campaign.organiser.press("Remove my own account")
    expect(page.get_by_role("alert")).to_be_visible()
    return page


def recovery_code(campaign: Campaign) -> Page:
    campaign.organiser.page.goto("/organise/account")
    campaign.organiser.press("Make a new recovery code")
    campaign.organiser.reads("Your recovery code")
    return campaign.organiser.page


@pytest.mark.parametrize(
    "reach",
    [
        refused_letter,
        safer_form,
        advice,
        further_letters,
        several_letters,
        everything_held,
        refused_login,
        refused_import,
        change_of_safety,
        invitation,
        setup,
        member,
        last_owner,
        recovery_code,
    ],
)
def test_the_page_after_a_button_can_be_read(campaign: Campaign, reach: Callable[[Campaign], Page]) -> None:
    check(reach(campaign))


def test_a_colour_that_is_covered_on_one_page_is_checked_on_the_next(chromium: Browser) -> None:
    start, pale = "<html lang=en><title>A</title><main><h1>A</h1>", "<p style='color: #ccc'>pale</p>"
    cover = "<img alt='' style='position: absolute; left: 0; top: 0; width: 300px; height: 300px'>"
    with closing(chromium.new_context()) as context:
        prepare(context)
        page = context.new_page()
        page.goto("about:blank")
        page.set_content(start + pale + cover)
        mark_new_looks(page)
        find_no_fault(page, SEEN_BY_COLOUR)

        page.set_content(start + pale)
        mark_new_looks(page)
        with pytest.raises(AssertionError, match="color-contrast"):
            find_no_fault(page, SEEN_BY_COLOUR)
