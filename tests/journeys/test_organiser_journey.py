"""A campaign with all kinds of signatures, from the setup link to a delegation's reply."""

import csv
import io
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.browser import visiting
from tests.journeys.mailbox import Document, Mail, received
from tests.journeys.people import Organiser
from tests.journeys.server import TIMEOUT_SECONDS, Site
from tests.support.relay import Relay

pytestmark = pytest.mark.browser

GERMANY, KAZAKHSTAN = "mission.de@example.org", "mission.kz@example.org"

LISTED = {"Mara Example", "Айгүл Үлгіқызы", "Ştefan Mărțișor", "Paula Publica"}

UNLISTED = {"Conrad Counted", "Ulrich Unread", "Wanda Withdrawn", "Pia Pending", "Kira Kept", "Karl Known"}

WORDS = "I once lived there, and I remember."


@pytest.fixture(scope="module")
def signed(site: Site) -> None:
    """Sign with every choice of disclosure; one signature stays pending, one is withdrawn."""
    site.add_signature(email="mara@example.org", name="Mara Example", town="Lyon")
    site.add_signature(email="aigul@example.org", name="Айгүл Үлгіқызы", residence="DE", words=WORDS)
    site.add_signature(email="stefan@example.org", name="Ştefan Mărțișor", words="Words nobody has read.")
    site.add_signature(email="paula@example.org", name="Paula Publica", disclosure="public")
    site.add_signature(email="ulrich@example.org", name="Ulrich Unread", disclosure="public")
    site.add_signature(email="conrad@example.org", name="Conrad Counted", disclosure="counted")
    withdrawn = site.add_signature(email="wanda@example.org", name="Wanda Withdrawn")
    site.act(withdrawn, "withdraw")
    site.add_signature(email="pia@example.org", name="Pia Pending", is_confirmed=False)
    site.add_signature("kz", email="kira@example.org", name="Kira Kept", town="Almaty", words=WORDS)
    site.add_signature("kz", email="karl@example.org", name="Karl Known", disclosure="public")


@pytest.fixture(scope="module")
def organiser(chromium: Browser, site: Site, signed: None) -> Iterator[Organiser]:
    """Give an organiser who has prepared everything for a delivery."""
    with visiting(chromium, site.url) as page:
        olga = Organiser(page)
        olga.make_account(site.setup_link)
        page.get_by_role("link", name="I have written it down").click()
        olga.enter_organisation()
        olga.import_addresses(de=GERMANY, kz=KAZAKHSTAN)
        olga.approve("Public names", "Paula Publica")
        olga.approve("Public names", "Karl Known")
        olga.approve("Own words", "Айгүл Үлгіқызы")
        yield olga


@pytest.fixture(scope="module")
def rehearsal(organiser: Organiser, site: Site) -> Mail:
    organiser.prepare("Germany")
    organiser.send_test("olga@example.org")
    return site.mail("olga@example.org")


@pytest.fixture(scope="module")
def delivery(organiser: Organiser, rehearsal: Mail, mails: Relay) -> str:
    """Send Germany's letter with a double click, and return the delivery's address."""
    organiser.prepare("Germany")
    clicked_twice = threading.Event()
    # The relay answers after the second click, so that this comes while the first one's message is sent.
    mails.at_message = lambda: wait_for(clicked_twice)
    try:
        return organiser.send(clicks=2, after_clicks=clicked_twice.set)
    finally:
        mails.at_message = lambda: None


def wait_for(event: threading.Event) -> None:
    assert event.wait(TIMEOUT_SECONDS)


@pytest.fixture(scope="module")
def delivered(delivery: str, site: Site) -> Document:
    return site.mail(GERMANY).document


def test_the_setup_link_makes_one_account_and_shows_its_recovery_code(
    organiser: Organiser, site: Site
) -> None:
    assert re.fullmatch(r"\w+(?: \w+){6}", organiser.passphrase)

    answer = organiser.page.goto(site.setup_link)

    assert answer is not None
    assert answer.status == 404


def test_the_organisers_cookie_is_out_of_reach_for_scripts_and_other_sites(organiser: Organiser) -> None:
    [cookie] = organiser.page.context.cookies()

    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"


def test_an_approved_name_is_published_and_no_other(
    chromium: Browser, organiser: Organiser, site: Site
) -> None:
    with visiting(chromium, site.url) as page:
        page.goto("/en/progress")
        published = page.get_by_role("region", name="Signed in public")

        assert {each.strip() for each in published.locator("bdi").all_inner_texts()} == {
            "Paula Publica",
            "Karl Known",
        }


def test_the_downloaded_list_has_every_signatory_and_is_recorded_in_the_log(organiser: Organiser) -> None:
    file = Path(organiser.download("CSV Germany").path())
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
    printed = Document(Path(organiser.download("PDF Germany").path()).read_bytes())

    assert LISTED | {"Ulrich Unread"} == {row["name"] for row in rows} - {""}
    assert len(rows) == 6
    assert all(name in printed.text for name in LISTED)
    organiser.page.goto("/organise/audit")
    expect(organiser.page.get_by_role("row", name="List downloaded Germany csv")).to_be_visible()
    expect(organiser.page.get_by_role("row", name="List downloaded Germany pdf")).to_be_visible()


def test_the_test_to_oneself_is_the_document_without_a_name(rehearsal: Mail) -> None:
    text = rehearsal.document.text

    assert str(rehearsal.message["Subject"]).startswith("Test: ")
    assert "Signatory 1" in text
    assert not [name for name in LISTED | UNLISTED if name in text]


def test_a_double_click_sends_once(organiser: Organiser, delivery: str, mails: Relay) -> None:
    assert len(received(mails, GERMANY)) == 1
    organiser.page.goto("/organise/audit")
    expect(organiser.page.get_by_role("row", name="Letter sent to a delegation Germany")).to_have_count(1)


def test_the_delegation_gets_letter_cover_and_every_name_that_consented(
    delivered: Document, site: Site
) -> None:
    mail = site.mail(GERMANY)
    subject = str(mail.message["Subject"])

    assert subject in delivered.text
    assert "List of signatories" in delivered.text
    assert "6 confirmed signatures" in delivered.text
    assert "4 with a name on this list, 2 whose name is not on it" in delivered.text
    assert "Made-up Letters Society, Exampleville" in delivered.text
    assert WORDS in delivered.text
    assert "Words nobody has read." not in delivered.text
    assert {name for name in LISTED | UNLISTED if name in delivered.text} == LISTED
    assert not [name for name in LISTED if name in mail.text]
    assert "@example.org" not in delivered.text


def test_the_site_verifies_what_was_delivered(chromium: Browser, delivered: Document, site: Site) -> None:
    with visiting(chromium, site.url) as page:
        page.goto("/en/")
        page.get_by_role("link", name="Check a delivered letter").click()
        page.get_by_label("The code on the letter’s cover").fill(delivered.code)
        page.get_by_role("button", name="Check").click()

        expect(page.get_by_role("heading", level=1)).to_have_text("We delivered this letter")
        expect(page.get_by_role("definition").filter(has_text=delivered.sha256)).to_be_visible()
        check = page.get_by_label("Or choose the file here")
        check.set_input_files({"name": "l.pdf", "mimeType": "application/pdf", "buffer": delivered.content})
        expect(page.get_by_role("status")).to_have_text("This is the file that we delivered.")
        changed = delivered.content.replace(b"%PDF-1", b"%PDF-2", 1)
        check.set_input_files({"name": "l.pdf", "mimeType": "application/pdf", "buffer": changed})
        expect(page.get_by_role("status")).to_contain_text("This is not the file that we delivered")


def test_kazakhstans_delegation_gets_no_name(organiser: Organiser, site: Site) -> None:
    organiser.prepare("Kazakhstan")
    expect(organiser.page.get_by_text("No name goes along.")).to_be_visible()
    organiser.send()

    mail = site.mail(KAZAKHSTAN)
    assert "2 confirmed signatures" in mail.document.text
    assert "without names" in mail.text
    assert "list of its signatories" not in mail.text
    assert [each.get_filename() for each in mail.message.iter_attachments()] == ["letter-kz.pdf"]
    for secret in [*LISTED, *UNLISTED, "Almaty", WORDS]:
        assert secret not in mail.document.text
        assert secret not in mail.text


def test_a_recorded_reply_shows_on_the_progress_page(
    chromium: Browser, organiser: Organiser, delivery: str, site: Site
) -> None:
    organiser.page.goto(delivery)
    organiser.note_reply("They thank us for the letter.", for_everyone="We will raise it in Vienna.")

    with visiting(chromium, site.url) as page:
        page.goto("/en/progress")
        germany = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Germany"))
        expect(germany.locator("time")).to_have_count(2)
        expect(page.get_by_text("1 has replied.")).to_be_visible()
        germany.get_by_text("Read the reply").click()
        expect(germany.get_by_text("We will raise it in Vienna.")).to_be_visible()
        expect(page.get_by_text("They thank us")).to_have_count(0)


def test_after_logging_out_neither_the_back_button_nor_the_old_cookie_shows_anything(
    chromium: Browser, organiser: Organiser, site: Site
) -> None:
    with visiting(chromium, site.url) as page:
        another = Organiser(page)
        another.passphrase = organiser.passphrase
        another.log_in()
        page.goto("/organise/signatures?status=approved")
        expect(page.get_by_text("Paula Publica")).to_be_visible()
        copied = page.context.cookies()
        another.log_out()

        page.go_back()
        another.reads("Log in")
        expect(page.get_by_text("Paula Publica")).to_have_count(0)

        # A copy of the cookie from before the logout opens nothing either.
        page.context.add_cookies(copied)  # type: ignore[arg-type]
        page.goto("/organise/signatures?status=approved")
        another.reads("Log in")
