"""Native readers' checks of translations, as an owner records them and a supporter sees them."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.organiser.audit_log import AuditEntry
from campaign.organiser.native_check import NativeCheck
from campaign.organiser.role import ORGANISER, OWNER, READER
from campaign.paths import PACKAGE, TEMPLATES
from campaign.settings import Settings
from campaign.web.site import Site
from tests.web.conftest import OrganisersBrowser, text

pytestmark = pytest.mark.any_database

GERMAN = "/organise/languages/de"
NOTICE = "Diese Übersetzung hat noch niemand mit dieser Muttersprache geprüft."
READ = {"reader": "G. R.", "checked_on": "2026-11-20"}


def check(browser: OrganisersBrowser, *parts: str, **form: object) -> None:
    answer = browser.post(GERMAN, on=GERMAN, parts=list(parts), **READ, **form)
    assert (answer.status_code, answer.location) == (303, GERMAN)


@pytest.mark.both_databases
def test_a_check_switches_off_the_notice_on_that_letter_alone(
    client: FlaskClient, organiser: OrganisersBrowser, db: Session
) -> None:
    page = client.get("/de/letters/at").text
    assert NOTICE in page
    assert re.search(r'<a href="/en/letters/at" hreflang="en">Das englische Original lesen</a>', page)

    check(organiser, "letter/at")

    assert NOTICE not in client.get("/de/letters/at").text
    assert NOTICE in client.get("/de/letters/be").text
    assert "native reader" not in client.get("/en/letters/be").text
    [row] = db.scalars(select(NativeCheck))
    assert (row.language, row.part, row.reader, row.checked_on) == (
        "de",
        "letter/at",
        "G. R.",
        date(2026, 11, 20),
    )
    db.rollback()
    assert "Austria Checked: G. R., 20 Nov 2026" in text(organiser.get(GERMAN))
    assert "German 1/57 0/10 0 0" in text(organiser.get("/organise/languages"))

    answer = organiser.post(f"{GERMAN}/unchecked", on=GERMAN, parts="letter/at")

    assert answer.status_code == 303
    assert NOTICE in client.get("/de/letters/at").text
    assert "German 0/57 0/10 0 0" in text(organiser.get("/organise/languages"))


def test_a_text_that_changed_while_the_page_was_open_is_not_recorded_as_checked(
    organiser: OrganisersBrowser, site: Site, db: Session
) -> None:
    opened = re.findall('name="shown" value="([^"]+)"', organiser.get(GERMAN).text)[0]
    content = site.snapshots.content
    german = content.letters["de"]
    other = replace(german, text=german.text.replace("Exzellenz", "Eure Exzellenz"))
    site.snapshots.content = replace(content, letters={**content.letters, "de": other})
    site.snapshots.expire()

    form = {"parts": "letter/at", **READ}
    organiser.post(GERMAN, on="/organise/account", shown=opened, **form)

    assert "something has changed since this page was opened" in organiser.get(GERMAN).text
    assert not db.scalars(select(NativeCheck)).all()
    db.rollback()
    read = re.findall('name="shown" value="([^"]+)"', organiser.get(GERMAN).text)[0]
    organiser.post(GERMAN, on="/organise/account", shown=read, **form)
    assert len(db.scalars(select(NativeCheck)).all()) == 1


def test_the_log_says_what_was_checked_and_not_who_read_it(organiser: OrganisersBrowser, db: Session) -> None:
    check(organiser, "letter/de", "letter/ch", "page/home")
    organiser.post(f"{GERMAN}/unchecked", on=GERMAN, parts="page/home")

    entries = db.scalars(select(AuditEntry).where(AuditEntry.act.contains("check")))
    assert {(entry.act, entry.about) for entry in entries} == {
        ("check translation", "de letter/ch letter/de page/home"),
        ("take back check", "de page/home"),
    }
    db.rollback()
    log = text(organiser.get("/organise/audit"))
    assert "Native reader’s check saved German: Germany, Switzerland, Home" in log
    assert "Native reader’s check taken back German: Home" in log


def test_all_letters_with_the_same_request_can_be_checked_at_once(
    client: FlaskClient, organiser: OrganisersBrowser
) -> None:
    check(organiser, asks="propose")

    assert "German 27/57" in text(organiser.get("/organise/languages"))
    assert NOTICE not in client.get("/de/letters/be").text
    assert NOTICE in client.get("/de/letters/gb").text


@pytest.mark.both_databases
def test_a_changed_letter_has_the_notice_again_and_its_page_says_what_changed(
    make_app: Callable[[Settings], Flask], settings: Settings, organiser: OrganisersBrowser, tmp_path: Path
) -> None:
    check(organiser, "letter/at", "letter/kz")
    folder = tmp_path / "appeal"
    shutil.copytree(PACKAGE / "data" / "appeal", folder)
    shutil.copytree(TEMPLATES / "letters", folder / "letters")
    letter = folder / "letters" / "de.txt"
    changed = letter.read_text().replace("Exzellenz,", "Sehr geehrte Exzellenz,", 1)
    letter.write_text(changed)

    app = make_app(replace(settings, appeal=folder))

    assert NOTICE in app.test_client().get("/de/letters/at").text
    browser = OrganisersBrowser(app)
    browser.log_in()
    assert "German 0/57 0/10 2 0" in text(browser.get("/organise/languages"))
    page = text(browser.get(GERMAN))
    assert re.search(
        r"Austria Changed since the check \(G\. R\., 20 Nov 2026\) Read Austria"
        r" New or changed Sehr geehrte Exzellenz,",
        page,
    )


def test_an_owner_alone_records_a_check(others: dict[str, OrganisersBrowser], client: FlaskClient) -> None:
    for role in (READER, ORGANISER):
        browser = others[role]
        assert "Save the check" not in browser.get(GERMAN).text
        assert browser.post(GERMAN, parts="letter/at", **READ).status_code == 403
    assert NOTICE in client.get("/de/letters/at").text
    assert "Save the check" in others[OWNER].get(GERMAN).text


def test_a_check_without_a_part_or_a_name_is_refused(organiser: OrganisersBrowser, db: Session) -> None:
    nothing = organiser.post(GERMAN, on=GERMAN, **READ)
    unknown = organiser.post(GERMAN, on=GERMAN, parts="letter/xx", **READ)
    nobody = organiser.post(GERMAN, on=GERMAN, parts="letter/at", checked_on="2026-12-24")
    neither = organiser.post(f"{GERMAN}/unchecked", on=GERMAN)

    assert {each.status_code for each in (nothing, unknown, nobody, neither)} == {422}
    assert "Nothing was saved." in nothing.text
    assert "Enter the name of the native reader." in nobody.text
    assert "This day lies in the future." in nobody.text
    assert re.search(r'value="letter/at" checked', nobody.text)
    assert db.scalar(select(NativeCheck)) is None


def test_each_group_of_texts_is_shown_beside_the_english(organiser: OrganisersBrowser) -> None:
    for page in re.findall(rf'href="({GERMAN}/\w+)"', organiser.get(GERMAN).text):
        shown = organiser.get(page)
        assert shown.status_code == 200
        assert shown.text.count('<li><span lang="de">') == shown.text.count('class="soft" lang="en"') > 10
    assert organiser.get(f"{GERMAN}/nothing").status_code == 404
    assert organiser.get("/organise/languages/en").status_code == 404


def test_a_delivery_in_an_unchecked_translation_needs_a_confirmation(organiser: OrganisersBrowser) -> None:
    notice = "This translation has not been checked by a native reader yet."
    assert notice not in organiser.get("/organise/deliveries/new/at").text
    german = "/organise/deliveries/new/at?letter=de"
    assert notice in organiser.get(german).text

    check(organiser, "letter/at")

    assert notice not in organiser.get(german).text


def test_the_heading_of_a_translation_begins_with_a_capital_where_language_names_do_not(
    organiser: OrganisersBrowser,
) -> None:
    organiser.post("/organise/language", on=GERMAN, language="ru", back=GERMAN)

    assert "<h1>Немецкий</h1>" in organiser.get(GERMAN).text
    assert ">немецкий</a>" in organiser.get("/organise/languages").text
