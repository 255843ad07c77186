"""The page on which organisers answer a data subject's request."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaign.organiser.account import Organiser
from campaign.organiser.audit_log import AuditEntry
from campaign.sealing import row_mac
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature import data_request, search
from campaign.signature.announcement import note_digests_erased
from campaign.signature.model import Signature
from campaign.web.site import Site
from tests.support.factories import make_delivery, make_owner, make_signature
from tests.web.conftest import OrganisersBrowser, text

pytestmark = pytest.mark.any_database

MARA = "mara@example.org"

URL = "/organise/requests"


def hidden(page: Any, name: str) -> list[str]:
    """Return the values of the fields *name* in the last form of the main part of *page*."""
    form = page.get_data(as_text=True).partition("</main>")[0].split("<form")[-1]
    return re.findall(rf'name="{name}" value="([^"]*)"', form)


def log(db: Session) -> list[tuple[str, str]]:
    db.rollback()
    entries = db.scalars(select(AuditEntry).order_by(AuditEntry.act))
    return [(entry.act, entry.about) for entry in entries if entry.act not in {"join", "log in"}]


def find(organiser: OrganisersBrowser, email: str = MARA, **more: Any) -> Any:
    return organiser.post(URL, on=URL, email=email, **more)


@pytest.mark.both_databases
def test_every_signature_of_an_address_is_shown(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser
) -> None:
    row = make_signature(db, keys, email=MARA, name="Mara Example", town="Oldtown", words="I was there.").row
    make_signature(db, keys, state="fr", email=MARA, confirmed=False)
    make_signature(db, keys, name="Somebody Else")
    make_delivery(db, [row])
    answer = find(organiser, "Mara@example.org")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    page = text(answer)
    for shown in (
        "2 signatures of this address",
        "Germany counts",
        "France not confirmed",
        "Mara Example , Oldtown mara@example.org",
        "I was there.",
        "23 November 2026, as number 1",
        "the delegation only",
    ):
        assert shown in page
    assert "Somebody Else" not in page


def test_a_search_and_an_erasure_are_logged_without_the_address(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser
) -> None:
    for state in ("fr", "de"):
        make_signature(db, keys, state=state, email=MARA)
    page = find(organiser)
    keys_found = re.findall(r'name="keys" value="([^"]*)"', page.get_data(as_text=True))
    answer = organiser.post(f"{URL}/erase", on=URL, email=MARA, keys=keys_found, found=keys_found, sure="y")

    assert (answer.status_code, answer.location) == (303, URL)
    assert "2 signatures were withdrawn and erased" in text(organiser.get(URL))
    assert log(db) == [("erase on request", "2 de fr"), ("look for an address", "2 de fr")]
    assert "example.org" not in text(organiser.get("/organise/audit"))
    assert "2 Germany France" in text(organiser.get("/organise/audit"))
    assert db.scalars(select(Signature.id).where(Signature.sealed.is_not(None))).all() == []
    assert organiser.get("/counts.json").get_json()["total"] == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"sure": ""}, "Make sure first"), ({"keys": []}, "choose at least one signature")],
)
def test_nothing_is_erased_without_a_choice_or_the_checkbox(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser, changes: dict[str, Any], said: str
) -> None:
    row = make_signature(db, keys, email=MARA).row
    key = f"de:{row.id.hex}"
    form = {"email": MARA, "keys": [key], "found": [key], "sure": "y"} | changes
    answer = organiser.post(f"{URL}/erase", on=URL, **form)

    assert answer.status_code == 422
    assert said in text(answer)
    assert "1 signature of this address" in text(answer)
    db.refresh(row)
    assert row.sealed is not None


def test_an_unknown_address_and_an_invalid_one_get_different_answers(
    organiser: OrganisersBrowser, db: Session
) -> None:
    assert "No signature found" in text(find(organiser))
    assert find(organiser, "nonsense").status_code == 422
    assert organiser.post(f"{URL}/erase", on=URL, email="nonsense", keys=[], sure="y").status_code == 400
    assert log(db) == [("look for an address", "0")]


@pytest.mark.both_databases
def test_after_the_close_the_boxes_are_opened_a_part_at_a_time(
    make_app: Any,
    settings: Settings,
    db: Session,
    keys: ServerKeys,
    owner: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "BATCH", 2)
    monkeypatch.setattr(data_request.search_boxes, "__kwdefaults__", {"after": None, "most": 2})
    for state in ("at", "be", "de", "fr"):
        make_signature(db, keys, state=state, email=MARA if state in {"at", "fr"} else "")
    db.execute(update(Signature).values(digest=None))
    note_digests_erased(db, date(2026, 11, 1))
    db.commit()
    organiser = OrganisersBrowser(make_app(replace(settings, closes_on=date(2026, 11, 1))))
    organiser.log_in()
    page = find(organiser)
    assert "nothing recognises a mailbox any more" in text(page)
    assert "Each of the 4 boxes is opened" in text(page)
    monkeypatch.setattr(data_request, "MOST_COUNTED", 3)
    page = find(organiser)
    assert "Each of the 3+ boxes is opened" in text(page)
    pages = []
    for _ in range(3):
        carried = {name: hidden(page, name)[0] for name in ("email", "search", "searched", "after")}
        page = find(organiser, **carried, found=hidden(page, "found"))
        pages.append(text(page))

    assert "1 signature of this address" in pages[0]
    assert "2 of 4 boxes were opened so far" in pages[0]
    assert "2 signatures of this address" in pages[2]
    assert "All 4 boxes were opened" in pages[2]


@pytest.mark.both_databases
def test_boxes_that_could_not_be_opened_are_counted(app: Flask, db: Session, keys: ServerKeys) -> None:
    make_signature(db, keys, email="somebody.else@example.org")
    make_owner(db)  # with a later setup link, whose key does not open that box
    make_signature(db, keys, email=MARA)
    organiser = OrganisersBrowser(app)
    organiser.log_in()
    page = find(organiser, search="boxes")

    assert "All 2 boxes were opened" not in text(page)
    assert "1 of 2 boxes was opened" in text(page)
    assert "1 box is sealed with an earlier key and could not be opened." in text(page)


def test_a_reader_may_neither_search_nor_erase(site: Site, owner: Any, organiser: OrganisersBrowser) -> None:
    with site.database.writing() as db:
        account = db.scalars(select(Organiser)).one()
        account.role = "reader"
        row_mac.sign(db, account)

    assert organiser.get(URL).status_code == 403
    for url in (URL, f"{URL}/erase"):
        assert organiser.post(url, on="/organise/account", email=MARA).status_code == 403


def test_the_page_requires_a_login_and_the_overview_links_to_it(
    app: Flask, organiser: OrganisersBrowser
) -> None:
    assert app.test_client().get(URL).location == "/organise/login"
    assert f'href="{URL}"' in organiser.get("/organise/").get_data(as_text=True)
