import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from campaign.reference.participating_state import STATES
from tests.journeys.browser import visiting
from tests.journeys.people import Supporter
from tests.journeys.server import Site, serving
from tests.support.worker import eventually

pytestmark = pytest.mark.browser


WITH_SCRIPT, WITHOUT_SCRIPT = "with JavaScript", "without JavaScript"


@pytest.fixture(params=[("en", WITH_SCRIPT), ("en", WITHOUT_SCRIPT)], ids=" ".join)
def supporter(request: pytest.FixtureRequest, chromium: Browser, site: Site) -> Iterator[Supporter]:
    language, script = request.param
    with visiting(chromium, site.url, java_script_enabled=script == WITH_SCRIPT, locale=language) as page:
        yield Supporter(page, language)
        assert page.context.cookies() == []


numbers = count(1)


@pytest.fixture
def address() -> str:
    """Return a mailbox that no other test has."""
    return f"mara{next(numbers)}@example.org"


@pytest.mark.parametrize(
    "supporter", [("fr", WITH_SCRIPT), ("kk", WITHOUT_SCRIPT)], ids=" ".join, indirect=True
)
def test_a_supporter_signs_confirms_changes_who_sees_the_name_and_withdraws(
    supporter: Supporter, site: Site, address: str
) -> None:
    page, before = supporter.page, supporter.count()
    supporter.choose("Germany")
    supporter.fill(your_name="Mara Exämple", your_e_mail_address=address, your_town="Lyon")
    supporter.live_in("France")
    supporter.consent()
    supporter.press("Sign")
    supporter.reads("Now check your e-mail")
    mail = site.mail(address)

    assert mail.link.startswith(f"{site.url}/{supporter.language}/")
    page.goto(mail.link)
    supporter.reads("One step left: confirm your letter to %(state)s", state="Germany")
    assert supporter.count() == before

    page.goto(mail.link)
    supporter.press("Confirm my signature")
    supporter.reads("Thank you. Your signature is confirmed.")
    assert supporter.sees_count(before + 1)

    page.goto(mail.link)
    supporter.unfold("Change who may see my name")
    supporter.show_name_to("Everyone")
    supporter.press("Save")
    expect(page.get_by_role("status").first).to_contain_text(
        supporter.word("Saved. From now on this is who may see your name:")
    )
    supporter.unfold("Change who may see my name")
    expect(page.get_by_role("radio", name=supporter.word("Everyone"))).to_be_checked()

    supporter.withdraw()
    supporter.reads("Your signature is withdrawn")
    assert supporter.sees_count(before)


def test_a_form_without_consent_is_refused_and_loses_nothing(
    supporter: Supporter, site: Site, address: str
) -> None:
    page = supporter.page
    typed = {
        "your_name": "Mara Exämple",
        "your_e_mail_address": address,
        "your_town": "Lyon",
        "your_own_words": "Do not look away.\n\nPlease.",
    }
    supporter.choose("Germany")
    supporter.fill(**typed)
    supporter.live_in("France")
    supporter.show_name_to("Everyone")
    supporter.press("Sign")

    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("Please check one thing")
    expect(summary).to_be_focused()
    expect(page).to_have_title(re.compile("^Error: "))
    expect(page.get_by_label("Your name")).to_have_value(typed["your_name"])
    expect(page.get_by_label("Your e-mail address")).to_have_value(typed["your_e_mail_address"])
    expect(page.get_by_label("Your town")).to_have_value(typed["your_town"])
    expect(page.get_by_label("Your own words")).to_have_value(typed["your_own_words"])
    expect(page.get_by_label("The place where you live")).to_have_value("FR")
    expect(page.get_by_role("radio", name="Everyone")).to_be_checked()

    summary.get_by_role("link").click()
    expect(page.get_by_role("checkbox")).to_be_focused()
    supporter.consent()
    supporter.press("Sign")
    supporter.reads("Now check your e-mail")
    assert site.mail(address)


def test_the_typed_code_opens_the_page_as_the_link_does(
    supporter: Supporter, site: Site, address: str
) -> None:
    site.add_signature(email=address, is_confirmed=False)
    before = supporter.count()
    code = site.mail(address).code

    supporter.page.goto("/en/")
    supporter.page.get_by_role("link", name="My signature", exact=True).click()
    supporter.fill(the_code_from_our_mail=code.replace("-", " ").lower())
    supporter.press("Open my page")
    supporter.press("Confirm my signature")

    supporter.reads("Thank you. Your signature is confirmed.")
    assert supporter.sees_count(before + 1)


def test_the_link_is_sent_again_on_request(supporter: Supporter, site: Site, address: str) -> None:
    site.add_signature(email=address)

    supporter.page.goto("/en/signature")
    supporter.fill(your_e_mail_address=address)
    supporter.press("Send")
    supporter.reads("Check your e-mail")

    supporter.page.goto(site.mail(address, at=1).link)
    supporter.reads("Your signature is confirmed")


def test_a_mail_to_somebody_who_might_be_in_danger_does_not_name_the_cause(site: Site) -> None:
    site.add_signature("kz", email="neutral@example.org", is_confirmed=False, residence="ZZ")
    mail = site.mail("neutral@example.org")

    assert mail.message.get_content_type() == "multipart/alternative"
    assert mail.link in mail.html
    assert mail.code in mail.html
    for name in ["sanction", "OSCE", "Nazarbayev", *(state.name("en") for state in STATES.values())]:
        assert name.casefold() not in mail.shown.casefold(), name


FOUND_BY = {
    "TURKIY": "Türkiye",
    "Deutschl": "Germany",
    "Казакстан": "Kazakhstan",
    "Германия": "Germany",
    "Österreich": "Austria",
    "Germaniya": "Germany",
    "osterr": "Austria",
    "Україна": "Ukraine",
    "usa": "United States of America",
    "holland": "Netherlands",
}
"""What is typed, and the State that is found; no State is found twice in a row."""


def test_the_picker_finds_a_state_by_its_name_in_any_language(chromium: Browser, site: Site) -> None:
    with visiting(chromium, site.url) as page:
        page.goto("/en/")
        picker = page.get_by_role("combobox", name="Whose delegation will you write to?")
        with page.expect_response("**/state-names.json"):
            picker.press("x")

        for typed, found in FOUND_BY.items():
            picker.fill("")
            picker.press_sequentially(typed)
            expect(page.get_by_role("option").first).to_contain_text(found)


def test_picker_and_button_are_on_the_first_screen_of_a_phone(chromium: Browser, site: Site) -> None:
    for has_script in (True, False):
        small = {"width": 360, "height": 740}
        with visiting(chromium, site.url, viewport=small, java_script_enabled=has_script) as page:
            page.goto("/en/")
            picker = page.get_by_role("combobox", name="Whose delegation will you write to?")

            expect(picker).to_be_in_viewport(ratio=1)
            expect(page.get_by_role("button", name="Read the letter")).to_be_in_viewport(ratio=1)


def test_without_a_relay_the_mail_is_a_file_and_its_link_is_printed(
    chromium: Browser, tmp_path: Path
) -> None:
    with serving(tmp_path) as site, visiting(chromium, site.url) as page:
        supporter = Supporter(page)
        supporter.choose("Holy See")
        supporter.fill(your_name="Mara Example", your_e_mail_address="mara@example.org")
        supporter.live_in("I would rather not say")
        supporter.consent()
        supporter.press("Sign")
        supporter.reads("Now check your e-mail")

        printed = re.compile(r"http://\S+/en/signature/[0-9A-Z]{20}\b")
        assert eventually(lambda: printed.search(site.console))
        [link] = printed.findall(site.console)
        [file] = (site.instance / "mail").glob("*.eml")
        assert link in file.read_text()
        assert "mara@example.org" not in site.console

        page.goto(link)
        supporter.press("Confirm my signature")
        supporter.reads("Thank you. Your signature is confirmed.")
        assert supporter.sees_count(1)


def test_a_mistyped_address_is_seen_and_changed_but_never_kept_where_it_endangers(
    chromium: Browser, site: Site, address: str
) -> None:
    with visiting(chromium, site.url) as page:
        supporter = Supporter(page)
        sent = page.locator("[data-mailed]")
        supporter.choose("Germany")
        supporter.fill(your_name="Mara Exämple", your_e_mail_address=f"wrong-{address}", your_town="Lyon")
        supporter.live_in("France")
        supporter.consent()
        supporter.press("Sign")
        expect(sent).to_contain_text(f"We wrote to: wrong-{address}")
        assert page.evaluate("sessionStorage.length") == 0

        sent.get_by_role("link", name="Change the address").click()
        expect(page.get_by_label("Your name")).to_have_value("Mara Exämple")
        expect(page.get_by_label("Where you live")).to_have_value("FR")
        expect(page.get_by_label("Your e-mail address")).to_be_focused()
        expect(page.get_by_role("checkbox")).not_to_be_checked()
        assert page.evaluate("sessionStorage.length") == 0
        supporter.fill(your_e_mail_address=address)
        supporter.consent()
        supporter.press("Sign")
        expect(sent).to_contain_text(f"We wrote to: {address}")
        page.reload()
        expect(sent).to_be_hidden()

        for residence in ("I would rather not say", "Belarus"):
            supporter.choose("Germany")
            supporter.fill(your_name="Mara Exämple", your_e_mail_address=address)
            supporter.live_in(residence)
            supporter.consent()
            supporter.press("Sign")
            supporter.reads("Now check your e-mail")
            expect(sent).to_be_hidden()
            assert page.evaluate("sessionStorage.length") == 0


def test_on_a_phone_confirming_and_sharing_are_on_the_first_screen(
    chromium: Browser, site: Site, address: str
) -> None:
    link = site.add_signature("ba", email=address, is_confirmed=False, town="Sarajevo", words="Please look.")
    with visiting(chromium, site.url, viewport={"width": 360, "height": 740}) as page:
        page.goto(link)
        expect(page.get_by_role("button", name="Confirm my signature")).to_be_in_viewport(ratio=1)
        Supporter(page).press("Confirm my signature")
        for way in ("WhatsApp", "Telegram", "E-mail"):
            expect(page.get_by_role("link", name=way)).to_be_in_viewport(ratio=1)
