"""Cached pages: the same as rendered ones, and never out of date."""

import gzip
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from math import prod
from uuid import UUID

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from campaign.appeal.content import Appeal
from campaign.disclosure.published_name import Cursor
from campaign.organiser import organisation
from campaign.reference.language import LANGUAGES
from campaign.reference.participating_state import STATES
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.web.serving import cache
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.factories import decide, make_signature
from tests.web.conftest import FORM, OrganisersBrowser, Supporter

pytestmark = pytest.mark.any_database

PAGES = [
    "/en/",
    "/en/letters/de",
    "/en/letters/de.atom",
    "/en/letters/de.pdf",
    "/en/letters/de.txt",
    "/en/persons/abish",
    "/en/accessibility",
    "/en/privacy",
    "/en/check-your-mail",
    "/en/embed/de",
    "/en/progress",
    "/en/updates.atom",
    "/counts.json",
]

PRIVATE_PAGES = ["/en/signature", "/organise/login", "/healthz"]


@pytest.fixture
def rendered(app: Flask) -> list[str]:
    """Return the paths of rendered pages, in order."""
    paths: list[str] = []

    @app.before_request
    def note() -> None:
        from flask import request

        paths.append(request.path)

    return paths


def headers(answer: TestResponse) -> dict[str, str]:
    return dict(answer.headers)


@pytest.mark.parametrize("path", PAGES)
def test_a_cached_page_is_the_page_that_was_rendered(
    client: FlaskClient, rendered: list[str], path: str
) -> None:
    first, second = client.get(path), client.get(path)

    assert rendered == [path]
    assert first.status_code == second.status_code == 200
    assert first.data == second.data
    assert headers(first) == headers(second)
    assert "Content-Security-Policy" in second.headers
    assert "Set-Cookie" not in second.headers


@pytest.mark.parametrize("path", PAGES)
def test_a_browser_with_a_current_copy_gets_304(visitor: FlaskClient, path: str) -> None:
    etag = visitor.get(path).headers["ETag"]

    answer = visitor.get(path, headers={"If-None-Match": etag})

    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == etag
    assert visitor.get(path, headers={"If-None-Match": 'W/"another"'}).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_a_shared_cache_may_keep_a_public_page_for_a_second_and_a_browser_asks_each_time(
    visitor: FlaskClient, path: str
) -> None:
    answer = visitor.get(path)

    assert answer.headers["Cache-Control"] == "public, max-age=0, s-maxage=1"
    assert set(answer.headers["Vary"].split(", ")) == {"Accept-Encoding"}


def test_no_cache_keeps_a_private_page_a_post_or_an_organisers_page(
    client: FlaskClient, supporter: Supporter, organiser: OrganisersBrowser
) -> None:
    answers = [supporter.sign(), supporter.page(), supporter.act("confirm"), supporter.page()]
    answers += [client.post("/en/signature", data={"email": "mara@example.org"}), client.get("/organise/")]
    answers += [organiser.get(f"/organise/{page}") for page in ("", "account", "lists/de.csv")]

    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_a_page_is_compressed_only_for_clients_that_accept_gzip(client: FlaskClient) -> None:
    plain = client.get("/en/letters/de")
    compressed = client.get("/en/letters/de", headers={"Accept-Encoding": "br, gzip;q=0.8"})
    refused = client.get("/en/letters/de", headers={"Accept-Encoding": "gzip;q=0, identity"})

    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert int(compressed.headers["Content-Length"]) == len(compressed.data) < len(plain.data)
    assert gzip.decompress(compressed.data) == plain.data == refused.data
    assert {each.headers["Vary"] for each in (plain, compressed, refused)} == {"Accept-Encoding"}


def test_asking_for_the_head_of_a_page_gets_no_body(visitor: FlaskClient) -> None:
    page = visitor.get("/en/")

    answer = visitor.head("/en/")

    assert answer.data == b""
    assert answer.headers["Content-Length"] == str(len(page.data))


def test_tracking_parameters_of_a_link_change_nothing(client: FlaskClient, rendered: list[str]) -> None:
    page = client.get("/en/letters/de")

    assert client.get("/en/letters/de?from=somewhere").data == page.data
    assert rendered == ["/en/letters/de"]


def test_an_older_page_of_the_names_is_not_the_newest_one(
    client: FlaskClient, db: Session, keys: ServerKeys, rendered: list[str]
) -> None:
    row = make_signature(db, keys, disclosure="public").row
    decide(db, row, public_name="Mara Older", name_review="approved")
    db.commit()
    older = f"/en/progress?after={Cursor(UUID(int=0)).wrap(keys)}"
    for path in ("/en/progress", older, "/en/progress", older):
        assert client.get(path).status_code == 200

    assert rendered == ["/en/progress"] * 3, "the newest from memory, and older ones never"


@pytest.mark.both_databases
def test_a_published_name_is_on_the_progress_page_within_a_second(
    client: FlaskClient, db: Session, keys: ServerKeys, clock: Clock
) -> None:
    made = make_signature(db, keys, disclosure="public")
    assert b"Mara Example" not in client.get("/en/progress").data
    decide(db, made.row, public_name="Mara Example", name_review="approved")
    db.commit()

    clock.forward(seconds=2)

    assert b"Mara Example" in client.get("/en/progress").data


def test_cached_counts_stay_readable_from_any_site(visitor: FlaskClient) -> None:
    visitor.get("/counts.json")

    answer = visitor.get("/counts.json")

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.get_json()["total"] == 0


@pytest.mark.both_databases
def test_a_count_moves_within_a_second_after_it_was_confirmed(
    client: FlaskClient, supporter: Supporter
) -> None:
    def count(state: str) -> int:
        return int(client.get("/counts.json").get_json()["states"].get(state, 0))

    supporter.sign("de")
    assert count("de") == 0

    supporter.act("confirm")
    assert (count("de"), count("fr")) == (1, 0)

    supporter.act("withdraw")
    assert count("de") == 0


def test_counts_are_as_of_this_minute(client: FlaskClient, clock: Clock) -> None:
    client.get("/counts.json")

    clock.forward(seconds=70)

    assert "T12:01:" in client.get("/counts.json").get_json()["as_of"]


def test_the_form_is_gone_from_the_page_on_the_day_after_the_close(
    make_app: Callable[[Settings], Flask], settings: Settings, clock: Clock
) -> None:
    client = make_app(replace(settings, closes_on=date(2026, 11, 23))).test_client()
    clock.forward(hours=11, minutes=59, seconds=55)
    assert b'name="consent"' in client.get("/en/letters/de").data

    clock.forward(seconds=6)

    assert b'name="consent"' not in client.get("/en/letters/de").data


def test_a_page_says_within_a_second_who_runs_the_campaign(
    client: FlaskClient, site: Site, clock: Clock
) -> None:
    assert b"Made-up House" not in client.get("/en/privacy").data
    with site.database.writing() as db:
        organisation.save_organisation(
            db, organisation.Organisation("Made-up House", "Nowhere", "x@example.org")
        )

    clock.forward(seconds=2)

    assert b"Made-up House" in client.get("/en/privacy").data


@pytest.mark.parametrize(
    "host",
    [
        "elsewhere.example",
        "elsewhere.example:8000",
        "localhost.elsewhere.example",
        "localhost@elsewhere.example",
        "localhost:0",
        "localhost:65536",
        "localhost:http",
        f"localhost{' ' * 300}elsewhere.example",
    ],
)
def test_a_foreign_host_gets_no_cached_page(visitor: FlaskClient, host: str) -> None:
    assert visitor.get("/en/letters/de").status_code == 200

    assert visitor.get("/en/letters/de", headers={"Host": host}).status_code == 400


def test_a_page_is_rendered_once_for_all_names_and_ports_of_the_site(
    client: FlaskClient, rendered: list[str]
) -> None:
    hosts = ["localhost", "127.0.0.1:8000", *(f"localhost:{port}" for port in (1, 80, 65535))]
    answers = [client.get("/en/letters/de", headers={"Host": host}) for host in hosts]

    assert {(answer.status_code, answer.data) for answer in answers} == {(200, answers[0].data)}
    assert rendered == ["/en/letters/de"]


def test_no_spelling_of_a_url_makes_a_second_copy_of_its_page(
    client: FlaskClient, rendered: list[str]
) -> None:
    for path in ("/en/letters/de", "/en/persons/abish", "/en/", "/counts.json"):
        assert client.get(path).status_code == 200
        first = len(rendered)
        same = [f"{path}?a={number}" for number in range(3)] + [path.replace("e", "%65"), f"{path}#b"]
        assert {client.get(each).status_code for each in same} == {200}
        assert len(rendered) == first

        other = [path.upper(), f"{path}/", f"/{path}", f"/.{path}", path.replace("/", "//"), f"{path}/."]
        other += [f"{path}{more}" for more in ("%0A", "%0D", "%00", "%20", ";a", "%2F", "%3Fa", "%CC%81")]
        assert 200 not in {client.get(each).status_code for each in other if each != path}


def test_there_is_room_for_every_public_page(app: Flask, site: Site) -> None:
    each = {"language": len(LANGUAGES), "state": len(STATES), "person_id": len(site.appeal.persons)}
    views = cache.SNAPSHOT_VIEWS | cache.BRIEF_VIEWS
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint in views and "GET" in rule.methods]

    assert {rule.endpoint for rule in rules} == views
    assert sum(prod(each[part] for part in rule.arguments) for rule in rules) <= cache.MOST_PAGES


def test_a_full_cache_takes_the_memory_that_it_says(client: FlaskClient, appeal: Appeal) -> None:
    def size(path: str) -> int:
        plain = client.get(path).data
        answer = client.get(path, headers={"Accept-Encoding": "gzip"})
        return len(plain) + (len(answer.data) if "Content-Encoding" in answer.headers else 0)

    of_state, others = (
        max(sum(size(path.replace("/en/", f"/{each.code}/")) for path in paths) for each in appeal.languages)
        for paths in (
            [path for path in PAGES if "/de" in path],
            [path for path in PAGES if path.startswith("/en/") and "/de" not in path],
        )
    )

    assert len(LANGUAGES) * (len(STATES) * of_state + 2 * others) < 50_000_000


def test_a_pdf_is_not_kept_twice(client: FlaskClient) -> None:
    answer = client.get("/en/letters/de.pdf", headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in answer.headers
    assert answer.data.startswith(b"%PDF")


def test_a_full_cache_drops_the_oldest_page(
    client: FlaskClient, rendered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_PAGES", 3)
    paths = [f"/en/letters/{state}" for state in ("at", "be", "ch", "de")]
    for path in paths:
        client.get(path)
    rendered.clear()

    for path in reversed(paths):
        client.get(path)

    assert rendered == ["/en/letters/at"]


def test_a_page_that_does_not_exist_is_not_cached(client: FlaskClient) -> None:
    answers = [client.get("/en/persons/nobody"), client.get("/en/persons/nobody")]

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_errors_in_a_form_are_on_nobody_elses_page(client: FlaskClient) -> None:
    client.get("/en/letters/de")

    answer = client.post("/en/letters/de", data=FORM | {"name": "Mara Example", "email": "nothing"})

    assert answer.status_code == 422
    assert answer.headers["Cache-Control"] == "no-store"
    assert b"Mara Example" not in client.get("/en/letters/de").data


@pytest.mark.parametrize("path", PRIVATE_PAGES)
def test_a_private_page_is_not_cached(client: FlaskClient, rendered: list[str], path: str) -> None:
    answers = [client.get(path), client.get(path)]

    assert rendered == [path, path]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_on_a_supporters_page_nothing_can_be_stored_in_a_cookie(app: Flask) -> None:
    with app.test_request_context("/en/letters/de"), pytest.raises(RuntimeError, match="session"):
        session["seen"] = "yes"
    with app.test_request_context("/organise/login"):
        session["seen"] = "yes"


def test_an_organisers_cookie_does_not_change_a_public_page(
    client: FlaskClient, organiser: OrganisersBrowser
) -> None:
    answer = organiser.get("/en/")

    assert "Set-Cookie" not in answer.headers
    assert client.get("/en/").data == answer.data


def test_a_static_text_is_compressed_for_clients_that_accept_gzip(visitor: FlaskClient) -> None:
    page = visitor.get("/en/").get_data(as_text=True)
    url = re.findall(r'href="([^"]+\.css)"', page)[0]
    plain, compressed = visitor.get(url), visitor.get(url, headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed.data) == plain.data
    assert {answer.headers["Vary"] for answer in (plain, compressed)} == {"Accept-Encoding"}
    for answer in (plain, compressed):
        assert "immutable" in answer.headers["Cache-Control"]
        answer.close()
