"""A supporter signs several letters at once, confirms most of them, and withdraws one."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.browser import visiting
from tests.journeys.people import Supporter
from tests.journeys.server import Site

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("has_javascript", [True, False])
def test_a_supporter_signs_several_letters_with_one_form(
    chromium: Browser, site: Site, *, has_javascript: bool
) -> None:
    email = f"several{has_javascript}@example.org".lower()
    with visiting(chromium, site.url, java_script_enabled=has_javascript) as page:
        supporter = Supporter(page)
        before = supporter.count()
        page.goto("/en/letters/de")
        supporter.fill(your_name="Mara Example", your_e_mail_address=email)
        supporter.live_in("France")
        supporter.press("Also sign the letters to other delegations")
        expect(page.get_by_label("Your name")).to_have_value("Mara Example")
        if has_javascript:
            general = page.get_by_role("group", name="These letters ask for visa bans")
            general.get_by_role("checkbox", name="All of them").check()
            assert len(general.locator("[name=also]:checked").all()) == 11
            general.get_by_role("checkbox", name="All of them").uncheck()
        for state in ("France", "Italy", "Uzbekistan"):
            page.get_by_role("checkbox", name=state).check()
        page.get_by_role("checkbox", name=re.compile("I sign this letter")).check()
        supporter.press("Sign")
        supporter.reads("Now check your e-mail")
        if has_javascript:
            page.get_by_role("link", name="Change the address").click()
            for state in ("France", "Italy", "Uzbekistan"):
                expect(page.get_by_role("checkbox", name=state)).to_be_checked()
            email = "changed@example.org"
            supporter.fill(your_e_mail_address=email)
            page.get_by_role("checkbox", name=re.compile("I sign this letter")).check()
            supporter.press("Sign")
            supporter.reads("Now check your e-mail")

        page.goto(site.mail(email).link)
        supporter.reads("One step left: confirm your letters")
        page.get_by_role("checkbox", name="Italy").uncheck()
        supporter.press("Confirm my signatures")
        supporter.reads("One step left: confirm your letters")
        expect(page.get_by_role("heading", name="Confirmed")).to_be_visible()
        supporter.press("Erase it instead")
        supporter.reads("Your signatures are confirmed")
        assert supporter.sees_count(before + 3)

        page.goto(site.mail(email).link)
        supporter.unfold("Withdraw my signatures")
        for state in ("France", "Uzbekistan"):
            page.get_by_role("checkbox", name=state).last.uncheck()
        supporter.press("Withdraw for good")
        assert supporter.sees_count(before + 2)
        page.goto(site.mail(email).link)
        page.get_by_role("link", name="France").click()
        supporter.reads("Your signature is confirmed")
