import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.organiser.audit_log import AuditEntry
from campaign.sealing.server_key import ServerKeys
from campaign.signature import key_change
from campaign.signature.model import Signature
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.factories import PASSPHRASE, make_signature
from tests.web.conftest import OrganisersBrowser, Supporter

pytestmark = pytest.mark.any_database


@pytest.fixture
def setup_code(site: Site, clock: Clock) -> str:
    with site.database.writing() as db:
        code = key_change.setup_code(db, now=clock())
    assert code
    return code


def set_up(app: Flask, code: str, **changes: str) -> Any:
    browser = OrganisersBrowser(app)
    form = {"name": "Olga Organiser", "passphrase": PASSPHRASE, "passphrase_again": PASSPHRASE} | changes
    url = f"/organise/setup/{code}"
    return browser, browser.post(url, on=url, **form)


def test_the_setup_link_makes_the_first_organiser_and_shows_the_recovery_code_once(
    app: Flask, setup_code: str
) -> None:
    browser, answer = set_up(app, setup_code)

    assert answer.status_code == 200
    assert re.search(r"(?:[0-9A-Z]{4}-){7}[0-9A-Z]{4}", answer.get_data(as_text=True))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert browser.get("/organise/").status_code == 200
    assert browser.get(f"/organise/setup/{setup_code}").status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"passphrase": "short", "passphrase_again": "short"},
        {"passphrase_again": "something else entirely"},
    ],
)
def test_an_invalid_setup_says_why_and_leaves_the_link_good(
    app: Flask, setup_code: str, changes: dict[str, str]
) -> None:
    _browser, answer = set_up(app, setup_code, **changes)

    assert answer.status_code == 422
    assert set_up(app, setup_code)[1].status_code == 200


def test_opening_the_setup_link_does_not_use_it_up(client: FlaskClient, setup_code: str) -> None:
    for _ in range(3):
        assert client.get(f"/organise/setup/{setup_code}").status_code == 200


@pytest.mark.parametrize("code", ["0" * 20, "nonsense"])
def test_another_setup_link_opens_nothing(visitor: FlaskClient, code: str) -> None:
    assert visitor.get(f"/organise/setup/{code}").status_code == 404


def test_what_supporters_signed_before_the_setup_can_be_read_after_it(
    app: Flask, supporter: Supporter, setup_code: str
) -> None:
    supporter.sign(name="Early Bird")
    supporter.act("confirm")
    browser, _answer = set_up(app, setup_code)

    assert "Early Bird" in browser.get("/organise/lists/de.csv").get_data(as_text=True)


PAGES = [
    "",
    "signatures",
    "deliveries",
    "delegations",
    "audit",
    "account",
    "deliveries/new/de",
    "deliveries/new/kz",
    "signatures?kind=words&status=approved&state=de",
]


@pytest.mark.parametrize("url", [*PAGES, "lists/de.csv", "lists/all.pdf"])
def test_every_page_redirects_to_the_login_without_a_session(visitor: FlaskClient, url: str) -> None:
    answer = visitor.get(f"/organise/{url}")

    assert answer.status_code == 303
    assert answer.location == "/organise/login"


@pytest.mark.both_databases
def test_every_page_opens_after_the_login(organiser: OrganisersBrowser) -> None:
    for url in PAGES:
        answer = organiser.get(f"/organise/{url}")

        assert answer.status_code == 200, url
        assert answer.headers["Cache-Control"] == "no-store", url


def test_the_login_page_is_there_before_the_setup(visitor: FlaskClient) -> None:
    assert visitor.get("/organise/login").status_code == 200


@pytest.mark.parametrize(
    ("name", "passphrase"), [("Olga Organiser", "not the right words"), ("Nobody", PASSPHRASE)]
)
def test_a_wrong_login_does_not_say_what_was_wrong(
    app: Flask, owner: Any, name: str, passphrase: str
) -> None:
    browser = OrganisersBrowser(app)
    answer = browser.log_in(name, passphrase)

    assert answer.status_code == 422
    assert browser.get("/organise/").status_code == 303


def test_a_forged_post_is_refused(organiser: OrganisersBrowser) -> None:
    answer = organiser.client.post(
        "/organise/account/organisation", data={"name": "x", "seat": "x", "contact": "x@example.org"}
    )

    assert answer.status_code == 400


def test_logging_out_takes_a_post_and_ends_the_session(organiser: OrganisersBrowser) -> None:
    assert organiser.get("/organise/logout").status_code == 405
    assert organiser.post("/organise/logout").status_code == 303
    assert organiser.get("/organise/").status_code == 303


def test_the_cookie_is_kept_from_scripts_and_other_sites(organiser: OrganisersBrowser, app: Flask) -> None:
    cookie = OrganisersBrowser(app).log_in().headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


def test_half_an_hour_without_a_request_ends_the_session(organiser: OrganisersBrowser, clock: Clock) -> None:
    clock.forward(minutes=25)
    assert organiser.get("/organise/").status_code == 200
    clock.forward(minutes=25)
    assert organiser.get("/organise/").status_code == 200
    clock.forward(minutes=31)
    assert organiser.get("/organise/").status_code == 303


def test_the_csv_list_opens_in_any_spreadsheet(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser
) -> None:
    make_signature(db, keys, name="=cmd|' /C calc'!A0", town="Әуе", residence="KZ")
    make_signature(db, keys, disclosure="counted", name="Never Kept")
    answer = organiser.get("/organise/lists/de.csv")

    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert {row["name"] for row in rows} == {"'=cmd|' /C calc'!A0", ""}
    assert {row["town"] for row in rows} == {"Әуе", ""}
    assert "2026" not in str(rows[0]), "a list has no dates"
    assert "example.org" not in answer.get_data(as_text=True)


@pytest.mark.both_databases
def test_the_list_of_all_holds_every_state(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser
) -> None:
    for state in ("de", "fr", "kz"):
        make_signature(db, keys, state=state, name=f"Mara of {state}")
    text = organiser.get("/organise/lists/all.csv").get_data(as_text=True)

    assert all(f"Mara of {state}" in text for state in ("de", "fr", "kz"))


@pytest.mark.parametrize("state", ["de", "all"])
def test_the_pdf_list_shows_the_names(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser, state: str
) -> None:
    make_signature(db, keys, name="Mara Example")
    answer = organiser.get(f"/organise/lists/{state}.pdf")

    pages = PdfReader(io.BytesIO(answer.data)).pages
    assert "Mara Example" in "".join(page.extract_text() for page in pages)


UNKNOWN = [
    "lists/xx.csv",
    "lists/de.doc",
    "lists/de",
    "deliveries/new/xx",
    "deliveries/00000000-0000-0000-0000-000000000000",
]


def test_an_unknown_list_is_not_found(organiser: OrganisersBrowser) -> None:
    for url in UNKNOWN:
        assert organiser.get(f"/organise/{url}").status_code == 404, url


def test_every_download_is_in_the_log(organiser: OrganisersBrowser, db: Session) -> None:
    organiser.get("/organise/lists/de.csv")
    db.rollback()

    log = [(entry.organiser, entry.act, entry.about) for entry in db.scalars(select(AuditEntry))]
    assert ("Olga Organiser", "download list", "de csv") in log
    assert "List downloaded" in organiser.get("/organise/audit").get_data(as_text=True)


@pytest.mark.both_databases
def test_an_approved_name_appears_on_the_site_and_a_declined_one_does_not(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser, client: FlaskClient
) -> None:
    good = make_signature(db, keys, disclosure="public", name="Mara Public").row
    bad = make_signature(db, keys, disclosure="public", name="Rude Word").row
    assert "Mara Public" not in client.get("/en/progress").get_data(as_text=True)
    for row, act in ((good, "approve"), (bad, "decline")):
        answer = organiser.post(
            "/organise/signatures",
            on="/organise/signatures?kind=names",
            kind="names",
            act=act,
            shown="waiting",
            keys=[f"de:{row.id.hex}"],
            back="/organise/signatures?kind=names",
        )
        assert answer.status_code == 303

    page = client.get("/en/progress").get_data(as_text=True)
    assert "Mara Public" in page
    assert "Rude Word" not in page


@pytest.mark.both_databases
def test_leaving_public_takes_the_name_off_the_site(
    organiser: OrganisersBrowser, supporter: Supporter, db: Session
) -> None:
    supporter.sign(name="Mara Public", disclosure="public")
    supporter.act("confirm")
    key = f"de:{db.scalars(select(Signature)).one().id.hex}"
    db.rollback()
    organiser.post(
        "/organise/signatures",
        on="/organise/signatures",
        kind="names",
        act="approve",
        shown="waiting",
        keys=[key],
    )
    assert "Mara Public" in supporter.client.get("/en/progress").get_data(as_text=True)

    supporter.act("disclose", disclosure="delegation")

    assert "Mara Public" not in supporter.client.get("/en/progress").get_data(as_text=True)


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example/", "/organise/signatures.evil.example"]
)
def test_a_post_does_not_send_the_organiser_elsewhere(organiser: OrganisersBrowser, back: str) -> None:
    answer = organiser.post(
        "/organise/signatures",
        on="/organise/signatures",
        kind="names",
        act="approve",
        shown="waiting",
        keys=[],
        back=back,
    )

    assert answer.location == "/organise/signatures?kind=names"


def test_addresses_are_entered_and_imported_with_their_source(organiser: OrganisersBrowser) -> None:
    answer = organiser.post(
        "/organise/delegations/de",
        on="/organise/delegations?state=de",
        email="de@missions.example.org",
        source="a telephone call",
        checked_on="2026-11-20",
    )
    assert answer.status_code == 303
    file = io.BytesIO(b"state,email,source,checked_on\nfr,fr@missions.example.org,their site,2026-11-20\n")
    answer = organiser.post(
        "/organise/delegations/import", on="/organise/delegations", file=(file, "addresses.csv")
    )
    assert answer.status_code == 303

    page = organiser.get("/organise/delegations").get_data(as_text=True)
    assert "de@missions.example.org" in page
    assert "fr@missions.example.org" in page
    assert "a telephone call" in page


def test_a_faulty_file_is_refused_whole_with_its_lines(organiser: OrganisersBrowser) -> None:
    file = io.BytesIO(
        b"state,email,source,checked_on\nde,d@example.org,call,2026-11-20\nxx,x@example.org,y,2026-11-20\n"
    )
    answer = organiser.post(
        "/organise/delegations/import", on="/organise/delegations", file=(file, "addresses.csv")
    )

    assert answer.status_code == 422
    assert "Line 3" in answer.get_data(as_text=True)
    assert "d@example.org" not in organiser.get("/organise/delegations").get_data(as_text=True)


def test_an_invitation_lets_another_organiser_in(organiser: OrganisersBrowser, app: Flask) -> None:
    page = organiser.post("/organise/account/invitations", name="Pavel").get_data(as_text=True)
    found = re.search(r"/organise/setup/([0-9A-Z]{20})", page)
    assert found
    browser, answer = set_up(app, found.group(1), name="Olga 2")

    assert answer.status_code == 200
    everyone = organiser.get("/organise/account").get_data(as_text=True)
    assert "Pavel" in everyone
    assert "Olga 2" not in everyone
    assert browser.get("/organise/").status_code == 200


@pytest.mark.both_databases
def test_the_recovery_code_sets_a_new_passphrase(organiser: OrganisersBrowser, app: Flask) -> None:
    page = organiser.post("/organise/account/recovery-code").get_data(as_text=True)
    found = re.search(r"(?:[0-9A-Z]{4}-){7}[0-9A-Z]{4}", page)
    assert found
    browser = OrganisersBrowser(app)
    new = "seven fresh words for olga today"
    answer = browser.post(
        "/organise/recover", on="/organise/recover", code=found.group(), passphrase=new, passphrase_again=new
    )

    assert answer.status_code == 200
    assert OrganisersBrowser(app).log_in(passphrase=new).status_code == 303
    assert OrganisersBrowser(app).log_in().status_code == 422
    assert organiser.get("/organise/").status_code == 303


@pytest.mark.both_databases
def test_the_dashboard_shows_how_the_days_went(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser, clock: Clock
) -> None:
    for days in (0, 0, 3):
        make_signature(db, keys, on=(clock() - timedelta(days=days)).date())
    page = organiser.get("/organise/").get_data(as_text=True)

    assert "<svg" in page
    assert "20 Nov 2026: +1" in page
    assert "23 Nov 2026: +2" in page
    assert "style=" not in page


@pytest.mark.both_databases
def test_names_are_searched_without_standing_in_an_address(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser
) -> None:
    make_signature(db, keys, disclosure="public", name="Mara Example")
    make_signature(db, keys, disclosure="public", name="Ben Sample")
    answer = organiser.post(
        "/organise/signatures/search", on="/organise/signatures", kind="names", query="mARA"
    )

    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "Mara Example" in page
    assert "Ben Sample" not in page
    assert organiser.get("/organise/signatures/search").status_code == 405


@pytest.mark.both_databases
def test_names_from_an_earlier_start_are_taken_over_with_its_link(
    app: Flask, supporter: Supporter, site: Site, clock: Clock
) -> None:
    codes = []
    for name in ("First Start", "Second Start"):
        with site.database.writing() as db:
            codes.append(key_change.setup_code(db, now=clock()))
        supporter.sign(name=name, email=f"{len(codes)}@example.org")
        supporter.act("confirm")
    browser, _answer = set_up(app, codes[1])
    assert "earlier start" in browser.get("/organise/").get_data(as_text=True)
    wrong = browser.post("/organise/account/adopt", link="0" * 20)
    assert wrong.status_code == 422

    link = f"http://127.0.0.1:8000/organise/setup/{codes[0]}"
    assert browser.post("/organise/account/adopt", link=link).status_code == 303

    text = browser.get("/organise/lists/de.csv").get_data(as_text=True)
    assert "First Start" in text
    assert "Second Start" in text
    assert "earlier start" not in browser.get("/organise/").get_data(as_text=True)


def test_an_instrument_that_ends_soon_is_on_the_dashboard_once(organiser: OrganisersBrowser) -> None:
    page = organiser.get("/organise/").get_data(as_text=True)

    assert page.count("8 December 2026") == 1
