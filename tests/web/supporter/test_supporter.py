import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from campaign.disclosure import published_name
from campaign.reference.participating_state import STATES
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.model import Signature
from campaign.web.site import Site
from tests.conftest import NOW
from tests.support.factories import decide, make_signature
from tests.support.translated import add_language, english_folder
from tests.web.conftest import FORM, Supporter

pytestmark = pytest.mark.any_database


def rows(site: Site) -> int:
    with site.database.reading() as db:
        return db.scalar(select(func.count()).select_from(Signature)) or 0


def test_the_root_leads_to_the_campaign(visitor: FlaskClient) -> None:
    answer = visitor.get("/", headers={"Accept-Language": "xx"})

    assert answer.status_code == 302
    assert answer.location == "/en/"
    assert "Accept-Language" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "url",
    [
        "/en/",
        "/en/progress",
        "/en/privacy",
        "/en/signature",
        "/en/verify",
        "/en/check-your-mail",
        "/en/embed/de",
    ]
    + [
        f"/en/persons/{person}"
        for person in ("massimov", "abish", "turgumbayev", "nurdauletov", "nazarbayev")
    ],
)
def test_every_page_is_there(visitor: FlaskClient, url: str) -> None:
    answer = visitor.get(url)

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("state", sorted(STATES))
def test_each_of_the_57_has_its_letter(visitor: FlaskClient, state: str) -> None:
    page = visitor.get(f"/en/letters/{state}").get_data(as_text=True)

    assert STATES[state].name("en") in page
    assert 'name="consent"' in page


@pytest.mark.parametrize(
    "url",
    [
        "/en/letters/xx",
        "/xx/",
        "/en/persons/nobody",
        "/en/nothing",
        "/en/letters/de/x",
        "/pl/letters/de",
    ],
)
def test_an_unknown_page_is_not_found(visitor: FlaskClient, url: str) -> None:
    answer = visitor.get(url)

    assert answer.status_code == 404
    assert "<h1" in answer.get_data(as_text=True)


def test_a_language_in_which_the_campaign_is_not_leads_to_english(
    make_app: Callable[[Settings], Flask], settings: Settings, tmp_path: Path
) -> None:
    folder = english_folder(tmp_path / "appeal")
    add_language(folder, "de")
    client = make_app(replace(settings, appeal=folder)).test_client()

    for url in ("/fr/", "/kk/letters/de", "/uk/letters?state=de", "/share/it/de.png"):
        answer = client.get(url)
        assert answer.status_code == 302
        assert answer.location == re.sub(r"/(fr|kk|uk|it)/", "/en/", url)
    assert client.get("/de/letters/de").status_code == 200
    assert client.get("/", headers={"Accept-Language": "fr, de;q=0.5"}).location == "/de/"


@pytest.mark.parametrize("chosen", ["de", "DE", "Germany", "germany"])
def test_the_picker_leads_to_the_letter(visitor: FlaskClient, chosen: str) -> None:
    answer = visitor.get("/en/letters", query_string={"state": chosen})

    assert answer.status_code == 303
    assert answer.location == "/en/letters/de"


def test_the_picker_sent_empty_is_asked_again(visitor: FlaskClient) -> None:
    assert visitor.get("/en/letters?state=").status_code == 422


def test_the_letter_as_text_has_always_the_same_hash(visitor: FlaskClient) -> None:
    answer = visitor.get("/en/letters/de.txt")

    assert answer.mimetype == "text/plain"
    assert "Head of Delegation" in answer.get_data(as_text=True)
    again = visitor.get("/en/letters/de.txt")
    assert hashlib.sha256(answer.data).digest() == hashlib.sha256(again.data).digest()


def test_the_letter_as_pdf_reads_like_the_letter(visitor: FlaskClient) -> None:
    answer = visitor.get("/en/letters/de.pdf")

    assert answer.mimetype == "application/pdf"
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.data)).pages)
    assert "Germany" in text
    assert "2020/1999" in text


@pytest.mark.both_databases
def test_signing_leads_to_the_mail(supporter: Supporter, site: Site) -> None:
    answer = supporter.sign()

    assert answer.status_code == 303
    assert answer.location == "/en/check-your-mail"
    assert "Set-Cookie" not in answer.headers
    assert rows(site) == 1
    assert supporter.mails()[0].recipient == "mara@example.org"


@pytest.mark.both_databases
def test_a_first_and_a_repeated_signature_get_the_same_answer(supporter: Supporter) -> None:
    first = supporter.sign()
    supporter.act("confirm")
    repeat = supporter.sign(name="A Stranger")

    assert supporter.purpose == "confirm"
    assert (first.status_code, first.location, first.data) == (
        repeat.status_code,
        repeat.location,
        repeat.data,
    )
    assert set(first.headers.keys()) == set(repeat.headers.keys())


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 300),
        ("name", "Mara\x00Example"),
        ("name", "Mara\x1b[31mExample"),
        ("name", "Mara \u202eelpmaxE"),
        ("name", "12345"),
        ("name", "😀😀"),
        ("name", "Mara\nExample"),
        ("email", ""),
        ("email", "mara"),
        ("email", "mara@@example.org"),
        ("email", "mara @example.org"),
        ("email", "mara@example.org\nBcc: x@example.org"),
        ("email", "mara@example"),
        ("email", "m" * 250 + "@example.org"),
        ("residence", ""),
        ("residence", "XX"),
        ("residence", "fr"),
        ("town", "x" * 101),
        ("words", "x" * 1501),
        ("words", "hello\x00"),
        ("disclosure", ""),
        ("disclosure", "everyone"),
        ("consent", ""),
    ],
)
def test_an_error_is_shown_at_its_field_and_nothing_is_lost(
    visiting_supporter: Supporter, field: str, typed: str
) -> None:
    others = {"name": "Mara Sample", "town": "Smalltown", "words": "My very own words."}
    answer = visiting_supporter.sign(**(others | {field: typed}))
    page = answer.get_data(as_text=True)

    assert answer.status_code == 422
    assert f'id="{field}-error"' in page or field == "consent"
    assert 'role="alert"' in page
    for name, text in others.items():
        if name != field:
            assert text in page
    assert rows(visiting_supporter.site) == 0


NAMES = [
    "=HYPERLINK(1)",
    "+Mara",
    "-Mara",
    "@Mara",
    "Әсел Жұмабаева",
    "Ő",
    "O’Brien-Šťastná",
    "Mara 😀",
    "İ",
    "李明",
]


def test_a_name_may_have_any_characters_of_names(supporter: Supporter) -> None:
    for name in NAMES:
        assert supporter.sign(name=name).status_code == 303, name


ADDRESSES = [
    "mara+letters@example.org",
    '"mara example"@example.org',
    "mara@bücher.example",
    "MARA@EXAMPLE.ORG",
    "марія@приклад.укр",
]


def test_an_address_may_have_any_valid_form(supporter: Supporter) -> None:
    for email in ADDRESSES:
        assert supporter.sign(email=email).status_code == 303, email


def test_counted_needs_no_name(supporter: Supporter, site: Site) -> None:
    assert supporter.sign(name="", disclosure="counted").status_code == 303
    assert rows(site) == 1


def test_typed_markup_is_escaped(visiting_supporter: Supporter) -> None:
    page = visiting_supporter.sign(name='"><script>alert(1)</script>', consent="").get_data(as_text=True)

    assert "<script>alert" not in page


ORIGINS = [
    ({}, 303),
    ({"Sec-Fetch-Site": "same-origin"}, 303),
    ({"Sec-Fetch-Site": "none"}, 303),
    ({"Origin": "http://127.0.0.1:8000"}, 303),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example"}, 403),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8000"}, 403),
]


def test_a_post_passes_only_from_our_own_pages(client: FlaskClient) -> None:
    for headers, status in ORIGINS:
        assert client.post("/en/letters/de", data=FORM, headers=headers).status_code == status, headers


def test_a_body_of_ten_megabytes_is_refused(client: FlaskClient, site: Site) -> None:
    answer = client.post("/en/letters/de", data=FORM | {"words": "x" * 10_000_000})

    assert answer.status_code == 413
    assert rows(site) == 0


@pytest.fixture
def closed(make_app: Callable[[Settings], Flask], settings: Settings) -> FlaskClient:
    return make_app(replace(settings, closes_on=NOW.date() - timedelta(days=1))).test_client()


def test_after_the_close_signing_is_gone_but_the_letter_stays(closed: FlaskClient) -> None:
    answer = closed.post("/en/letters/de", data=FORM)

    assert answer.status_code == 410
    page = closed.get("/en/letters/de").get_data(as_text=True)
    assert "Head of Delegation" in page
    assert 'name="consent"' not in page


def test_after_the_close_the_home_page_still_leads_to_each_letter(closed: FlaskClient) -> None:
    page = closed.get("/en/").get_data(as_text=True)

    assert "Signing ended on" in page
    assert "Sign the letter" not in page
    assert "Which delegation’s letter do you want to read?" in page
    assert closed.get("/en/letters?state=de").location == "/en/letters/de"


def test_kazakhstans_form_says_that_no_name_goes_there(visitor: FlaskClient) -> None:
    page = visitor.get("/en/letters/kz").get_data(as_text=True)

    assert "No name goes to it" in page


@pytest.mark.both_databases
def test_a_get_changes_nothing(supporter: Supporter, client: FlaskClient, site: Site) -> None:
    supporter.sign()
    for action in ("confirm", "withdraw"):
        client.get(f"/en/signature/{supporter.token}?action={action}&done={action}")

    with site.database.reading() as db:
        row = db.scalars(select(Signature)).one()
    assert row.confirmed_on is None
    assert row.withdrawn_on is None


def test_a_page_allows_no_script_or_style_but_its_own(visitor: FlaskClient) -> None:
    answer = visitor.get("/en/letters/de")

    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_behind_tls_a_browser_never_comes_without_it_again(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    for base_url, lasts in (("https://letters.example.org", "max-age=31536000"), (settings.base_url, None)):
        client = make_app(replace(settings, base_url=base_url)).test_client()
        answer = client.get("/en/letters/de", headers={"Host": base_url.partition("//")[2]})
        assert answer.status_code == 200
        assert answer.headers.get("Strict-Transport-Security") == lasts


def test_only_the_card_may_be_framed(visitor: FlaskClient) -> None:
    assert "frame-ancestors 'none'" in visitor.get("/en/").headers["Content-Security-Policy"]
    assert "frame-ancestors *" in visitor.get("/en/embed/de").headers["Content-Security-Policy"]


def test_the_counts_may_be_read_from_anywhere(supporter: Supporter, client: FlaskClient) -> None:
    supporter.sign()
    supporter.act("confirm")
    answer = client.get("/counts.json")

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    counts = answer.get_json()
    assert counts["total"] == 1
    assert counts["states"] == {"de": 1}
    assert counts["as_of"].startswith("2026-11-23T12:00")


@pytest.mark.both_databases
def test_healthz_reports_the_state_of_the_site(client: FlaskClient) -> None:
    answer = client.get("/healthz")

    assert answer.status_code == 200
    parts = ("database", "mail", "queue", "disk", "counts", "key")
    assert answer.get_json() == dict.fromkeys(parts, "ok")


def test_healthz_does_not_reveal_whether_an_address_has_signed(supporter: Supporter) -> None:
    supporter.sign()
    seen = []
    for email in ("mara@example.org", "nobody@example.org"):
        supporter.client.post("/en/signature", data={"email": email})
        seen.append(supporter.client.get("/healthz").data)

    assert seen[0] == seen[1]


@pytest.mark.parametrize(("days", "is_promised"), [(None, False), (30, True)])
def test_the_notice_promises_a_day_of_erasure_only_where_there_is_one(
    make_app: Callable[[Settings], Flask], settings: Settings, days: int | None, is_promised: bool
) -> None:
    closes_on = NOW.date() + timedelta(days=days) if days else None
    page = make_app(replace(settings, closes_on=closes_on)).test_client().get("/en/privacy").get_data(True)

    assert ("All personal data is erased" in page) == is_promised
    assert ("No closing day is set yet" in page) != is_promised


@pytest.mark.parametrize("query", ["page=3", f"page={'9' * 24}", "after=", "after=gone", "after=%FF"])
def test_a_link_to_a_page_of_names_that_is_not_known_leads_to_the_first(
    visitor: FlaskClient, query: str
) -> None:
    answer = visitor.get(f"/en/progress?{query}")

    assert answer.status_code == 302
    assert answer.location == "/en/progress#public-names"


@pytest.mark.both_databases
def test_further_names_are_a_link_away_and_so_are_the_ones_before(
    client: FlaskClient, db: Session, keys: ServerKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published_name, "NAMES_A_PAGE", 2)
    rows = [make_signature(db, keys, disclosure="public").row for _at in range(5)]
    for at, row in enumerate(sorted(rows, key=lambda row: row.id)):
        decide(db, row, public_name=f"Mara {at}", name_review="approved")
    db.commit()

    def names_on(path: str) -> tuple[list[str], dict[str, str]]:
        page = client.get(path).get_data(True)
        links = dict(re.findall(r'<a rel="(prev|next)" href="([^"]+)"', page))
        return re.findall(r">(Mara \d)</bdi>", page), links

    newest, links = names_on("/en/progress")
    newest_links = links
    assert (newest, links.keys()) == (["Mara 0", "Mara 1"], {"next"})
    older, links = names_on(links["next"])
    assert (older, links["prev"]) == (["Mara 2", "Mara 3"], "/en/progress#public-names")
    oldest, links = names_on(links["next"])
    assert (oldest, links.keys()) == (["Mara 4"], {"prev"})
    assert names_on(links["prev"])[0] == older

    db.execute(
        update(Signature)
        .where(Signature.public_name.in_(["Mara 2", "Mara 3", "Mara 4"]))
        .values(public_name=None)
    )
    db.commit()
    gone = client.get(newest_links["next"])
    assert (gone.status_code, gone.location) == (302, "/en/progress#public-names"), "no names after it"


def test_a_wrong_host_is_refused(visitor: FlaskClient) -> None:
    assert visitor.get("/en/", headers={"Host": "evil.example"}).status_code == 400
