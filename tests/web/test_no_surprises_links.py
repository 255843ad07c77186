"""Links with something stuck to them, as mail programs, editors and hands leave them, lead to their page."""

import re
import time
from urllib.parse import quote, unquote_to_bytes

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from campaign.signature.key_change import setup_code
from campaign.web.serving.lenient_url import without_what_sticks
from campaign.web.site import Site
from tests.conftest import NOW
from tests.web.conftest import Supporter, text

pytestmark = pytest.mark.any_database

STUCK = [
    *".,;:!?)>]}\"'*`|/",
    "=0D",
    "=0D=0A",
    "=",
    "&gt;",
    "”",
    "»",
    "…",
    "\u200b",
    "\ufeff",
    "\u00a0",
    " ",
    "%20",
    ").",
    "/.",
]
"""What follows a link: punctuation, brackets, residue of quoted-printable and HTML, invisible characters."""

PUBLIC = [
    "/en/",
    "/en/letters/de",
    "/en/letters/de.txt",
    "/en/letters/de.pdf",
    "/en/progress",
    "/en/persons/massimov",
]


def get(client: FlaskClient, address: str) -> TestResponse:
    """Send exactly this path, which the client would take for a host after two slashes."""
    path, _, query = address.partition("?")
    raw = unquote_to_bytes(path).decode("latin-1")
    return client.get("/", environ_overrides={"PATH_INFO": raw, "QUERY_STRING": query})


@pytest.mark.parametrize("page", PUBLIC)
def test_a_public_link_leads_on_whatever_sticks_to_it(visitor: FlaskClient, page: str) -> None:
    for stuck in STUCK:
        answer = visitor.get(quote(page + stuck, safe="/%=&;"))

        assert answer.status_code in {301, 308}, stuck
        assert answer.location == page, stuck
        assert answer.headers["Cache-Control"] == "no-store", stuck
        assert visitor.head(quote(page + stuck, safe="/%=&;")).location == page, stuck


@pytest.mark.parametrize(
    ("typed", "page"),
    [
        ("/en/letters/DE", "/en/letters/de"),
        ("/EN/letters/de", "/en/letters/de"),
        ("/En/Letters/De", "/en/letters/de"),
        ("/EN", "/en/"),
        ("/EN/", "/en/"),
        ("/en/letters/de/", "/en/letters/de"),
        ("/en/letters/de//", "/en/letters/de"),
        ("//en//letters//de", "/en/letters/de"),
        ("/en/letters/DE.PDF", "/en/letters/de.pdf"),
        ("/en/le%20tters/de", "/en/letters/de"),
        ("/en/letters/%E2%80%8Bde", "/en/letters/de"),
        ("/en/letters/de%A0", "/en/letters/de"),
        ("/%EF%BD%85n/letters/de", "/en/letters/de"),
        ("/en/letters/DE.?utm_source=mail", "/en/letters/de?utm_source=mail"),
    ],
)
def test_another_case_and_stray_characters_lead_on(visitor: FlaskClient, typed: str, page: str) -> None:
    answer = get(visitor, typed)

    assert answer.status_code in {301, 308}
    assert answer.location == page


@pytest.mark.parametrize(
    ("typed", "page"),
    [
        ("/en/letters/uk", "/en/letters/gb"),
        ("/en/letters/Germany", "/en/letters/de"),
        ("/en/letters/deutschland.", "/en/letters/de"),
        ("/en/letters/the-netherlands", "/en/letters/nl"),
        ("/en/letters/t%C3%BCrkiye", "/en/letters/tr"),
        ("/letters/de", "/en/letters/de"),
        ("/Letters/DE.", "/en/letters/de"),
        ("/progress", "/en/progress"),
        ("/signature", "/en/signature"),
        ("/en/letters", "/en/#states"),
    ],
)
def test_an_address_that_somebody_made_up_leads_on_if_it_is_clear(
    visitor: FlaskClient, typed: str, page: str
) -> None:
    answer = get(visitor, typed)

    assert answer.status_code in {301, 302}
    assert answer.location == page


def test_the_picker_knows_names_and_says_kindly_that_it_does_not(visitor: FlaskClient) -> None:
    for name, code in {"the netherlands": "nl", "UK": "gb", "Allemagne": "de", "Türkiye": "tr"}.items():
        assert visitor.get("/en/letters", query_string={"state": name}).location == f"/en/letters/{code}"
    unknown = visitor.get("/en/letters", query_string={"state": "Atlantis"})
    assert unknown.status_code == 422
    assert "No participating State has this name. Choose one from the list." in text(unknown)


@pytest.mark.parametrize(
    "path",
    [
        "/en/letters/xx.",
        "/xx/letters/de.",
        "/xx/",
        "/XX/.",
        "/en/letters/de/sign",
        "/en/letters/atlantis",
        "/letters/xx",
        "/static/campaign.css",
        "/static/000000000000/none.css.",
        "/static/000000000000/none.css/",
        "/wp-login.php",
        "/.env",
        "/en/persons/nobody",
    ],
)
def test_unknown_addresses_and_static_files_are_still_not_found(visitor: FlaskClient, path: str) -> None:
    assert visitor.get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/",
        "//evil.example/.",
        "//evil.example/en/letters/de.",
        "/\\evil.example.",
        "/%5Cevil.example/en/.",
        "/%09/evil.example.",
        "/en/letters/de%0d%0aLocation:%20//evil.example",
        "/%E2%80%8B//evil.example/",
        "/%EF%BC%8F/evil.example/en.",
        "https://evil.example/en/letters/DE",
    ],
)
def test_no_stray_character_leads_to_another_site(visitor: FlaskClient, path: str) -> None:
    location = get(visitor, path).headers.get("Location", "/")

    assert re.fullmatch(r"/(?![/\\])[!-~]*", location)
    assert "evil" not in location.split("?")[0].split("/")[1]


def test_only_reading_leads_on(visitor: FlaskClient) -> None:
    assert visitor.post("/en/letters/DE").status_code == 404


def test_a_private_link_opens_its_page_whatever_sticks_to_it(supporter: Supporter) -> None:
    supporter.sign()
    token = supporter.token
    shapes = [f"/en/signature/{token}{stuck}" for stuck in STUCK]
    shapes += [f"/EN/signature/{token}", f"//en/signature/{token}", f"/en/Signature/{token.lower()}/"]
    for shape in shapes:
        answer = get(supporter.client, quote(shape, safe="/%=&;"))
        if answer.status_code != 200:
            assert answer.status_code in {301, 308}, shape
            assert answer.headers["Cache-Control"] == "no-store", shape
            assert "Referer" not in answer.headers
            assert re.fullmatch(rf"/en/signature/{token}", answer.location, re.IGNORECASE), shape
            answer = supporter.client.get(answer.location)

        assert answer.status_code == 200, shape
        assert answer.headers["Cache-Control"] == "no-store", shape
        assert "Mara Example" in text(answer), shape
        assert f'action="/en/signature/{token}"' in answer.text.replace(token.lower(), token), shape
    assert supporter.total() == 0


def test_links_that_make_or_open_an_account_are_read_too(app: Flask, site: Site) -> None:
    with site.database.writing() as db:
        code = setup_code(db, now=NOW)
    assert code
    client = app.test_client()
    for stuck in STUCK:
        answer = client.get(quote(f"/organise/setup/{code}{stuck}", safe="/%=&;"), follow_redirects=True)
        assert answer.status_code == 200, stuck
        assert 'name="passphrase"' in answer.text, stuck
        assert answer.headers["Cache-Control"] == "no-store", stuck
    assert client.get("/organise/login.").location == "/organise/login"


def test_a_code_on_a_cover_is_read_too(visitor: FlaskClient) -> None:
    for shape in ("/en/verify/0000-0000-0000-0000-0000.", "/EN/verify/0000-0000-0000-0000-0000)"):
        answer = visitor.get(shape, follow_redirects=True)
        assert answer.status_code == 404
        assert "We delivered no letter with this code" in text(answer)


def test_what_remains_of_a_path_has_nothing_stuck_to_it() -> None:
    for stuck in STUCK[:-3]:
        assert without_what_sticks(f"/en/letters/de{stuck}") == "/en/letters/de"
    assert without_what_sticks("/") == "/"
    assert without_what_sticks("/)") == "/"


@pytest.mark.parametrize("stuck", [".", "_", "\u2057", "=0D", "&gt;"])
def test_a_long_address_takes_no_long_time(stuck: str) -> None:
    path = f"/{stuck * (490 // len(stuck))}x"
    begun = time.process_time()

    assert without_what_sticks(path).endswith("x")
    assert time.process_time() - begun < 0.03
