"""A reader sees no names, a login takes a code from a phone, a recovery code is tested."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pyotp
import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from campaign.organiser.session import OrganiserSession
from campaign.sealing import row_mac
from campaign.sealing.server_key import ServerKeys
from tests.journeys.browser import visiting
from tests.journeys.keyboard import Keyboard
from tests.journeys.people import Organiser
from tests.journeys.server import Site

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def owner(chromium: Browser, site: Site) -> Iterator[Organiser]:
    """Give an owner whose browser runs no JavaScript, and a signature."""
    site.add_signature(email="paula@example.org", name="Paula Publica", disclosure="public")
    with visiting(chromium, site.url, java_script_enabled=False) as page:
        olga = Organiser(page)
        olga.make_account(site.setup_link)
        yield olga


def test_a_reader_sees_the_overview_and_no_name(chromium: Browser, owner: Organiser, site: Site) -> None:
    with visiting(chromium, site.url) as page:
        rita = Organiser(page)
        rita.join(owner.invite("Rita Reader", "Reader"))
        rita.reads("Overview")
        rita.log_out()
        rita.log_in("Rita Reader")

        expect(page.locator("[data-exact-count=total]")).to_have_text("1")
        ways = page.get_by_role("navigation", name="Pages").get_by_role("link")
        assert ways.all_inner_texts() == [
            "Overview", "Deliveries", "Delegations", "Languages", "Log", "Account",
        ]  # fmt: skip
        for path in [link.get_attribute("href") or "" for link in ways.all()]:
            page.goto(path)
            expect(page.get_by_text("Paula Publica")).to_have_count(0)
        page.goto("/organise/signatures")
        rita.reads("This is not for your role")
        answer = page.request.get("/organise/lists/all.csv")
        assert answer.status == 403
        assert "Paula" not in answer.text()

    owner.page.goto("/organise/signatures")
    expect(owner.page.get_by_text("Paula Publica")).to_be_visible()


def age_answers(site: Site) -> None:
    """Let every session's last passphrase be months old."""
    key = ServerKeys.from_secret((site.instance / "secret_key").read_text().strip()).row
    engine = create_engine(f"sqlite:///{site.instance / 'campaign.sqlite'}")
    with Session(engine, info={row_mac.KEY: key}) as db:
        for session in db.scalars(select(OrganiserSession)):
            session.answered_at = datetime(2026, 1, 1, tzinfo=UTC)
            row_mac.sign(db, session)
        db.commit()
    engine.dispose()


def test_a_page_that_somebody_prepared_at_her_computer_says_what_it_does(
    owner: Organiser, site: Site
) -> None:
    age_answers(site)
    page = owner.page
    page.goto("/organise/account")
    page.get_by_label("Their name").fill("Mallory Example")
    page.get_by_role("radio", name="Owner", exact=True).check()
    owner.press("Make the invitation")
    owner.reads("Your passphrase once more")
    waiting = page.get_by_role("region", name="This is done next")
    expect(waiting).to_contain_text("Invite somebody to these pages")
    assert waiting.get_by_role("definition").all_inner_texts() == ["Mallory Example", "Owner"]

    Keyboard(page).press("Do not do this")

    owner.reads("Overview")
    page.goto("/organise/account")
    expect(page.get_by_text("Mallory Example")).to_have_count(0)


def test_a_download_asks_for_the_passphrase_and_then_begins_by_itself(owner: Organiser, site: Site) -> None:
    age_answers(site)
    page = owner.page
    page.goto("/organise/")
    page.get_by_role("link", name="CSV Germany").click()
    owner.reads("Your passphrase once more")
    page.get_by_label("Your passphrase").fill(owner.passphrase)
    with page.expect_download() as download:
        owner.press("Continue")

    owner.reads("Your download begins")
    assert "Paula Publica" in download.value.path().read_text()


def test_a_recovery_code_is_tested_with_the_keyboard_alone(owner: Organiser) -> None:
    page = owner.page
    page.goto("/organise/")
    page.get_by_role("link", name="Test your recovery code").click()
    Keyboard(page).write("Recovery code", "0" * 32)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This is not your recovery code")
    Keyboard(page).tab_to("Recovery code")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(owner.recovery_code.lower())
    page.keyboard.press("Enter")

    owner.sees_message("Your recovery code is good: it opens the names. It was not used up; put it back.")
    expect(page.get_by_text(re.compile(r"^Last tested on "))).to_be_visible()


def test_with_codes_switched_on_a_login_takes_one_and_each_works_once(owner: Organiser) -> None:
    page = owner.page
    page.goto("/organise/account")
    page.get_by_role("link", name="Switch codes on").click()
    secret = page.get_by_text(re.compile(r"^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$")).inner_text().replace(" ", "")
    phone = pyotp.TOTP(secret)
    Keyboard(page).write("Your passphrase", owner.passphrase)
    # The code is read last, since it is valid for half a minute only.
    page.keyboard.press("Shift+Tab")
    first = phone.now()
    page.keyboard.type(first)
    Keyboard(page).press("Switch codes on")
    owner.sees_message("From now on, logging in takes a code from your phone.")
    owner.log_out()

    owner.try_to_log_in("Olga Organiser", first)
    expect(page.get_by_role("alert")).to_contain_text("each code works once")
    # The next code, from a phone whose clock is half a minute ahead, so that the test need not wait.
    owner.log_in("Olga Organiser", phone.at(time.time(), counter_offset=1))

    page.goto("/organise/account/codes")
    owner.press("Switch codes off")
    owner.sees_message("Logging in takes no code any more.")
