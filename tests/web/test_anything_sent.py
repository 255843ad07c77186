"""Whatever is sent in a form, an address or a header: no page breaks, and no log repeats it."""

import inspect
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from flask_wtf import FlaskForm
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from campaign.mail import outbox
from campaign.paths import PACKAGE
from campaign.sealing import box
from campaign.sealing.address_digest import address_digest
from campaign.settings import Settings
from campaign.signature.model import Signature
from campaign.web.field import one_line, paragraphs
from campaign.web.organise import views
from campaign.web.supporter import admission
from tests.conftest import SECRET, Clock, new_database
from tests.support.anything import MARK, encoded, for_any, header_text, raw, typed
from tests.support.factories import PASSPHRASE
from tests.web.conftest import FORM
from tests.web.lived_in import LOOPBACK, PRIVATE, LivedIn, lived_in

assert views, "with them, every form is known"

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

WEB = PACKAGE / "web"

URL_ENCODED = "application/x-www-form-urlencoded"

HEADERS = (
    "Accept-Encoding",
    "Accept-Language",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Host",
    "If-Modified-Since",
    "If-None-Match",
    "Origin",
    "Range",
    "Referer",
    "Sec-Fetch-Site",
    "Transfer-Encoding",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
)

QUERY = {
    "code": "7K3M-9QXT-2ADH-5NWP-Z8RC",
    "done": "confirm",
    "kind": "words",
    "page": "2",
    "query": "Quill",
    "state": "de",
    "status": "approved",
}
"""What pages read from behind the question mark, filled in as it should be."""

UNNOTED = {"login_failures", "organiser_session", "the queue"}
"""The tables that organisers' requests may change without an entry in the audit log."""

on_sqlite = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
"""What is asked here comes to no database."""

on_postgresql = pytest.mark.parametrize("place", ["postgresql"], indirect=True)
"""What breaks at a text or a number breaks on PostgreSQL, which refuses more of them than SQLite does."""

on_one_site = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedIn]:
    """Give one site of each kind, behind a proxy, whose forms need no token."""
    folder = tmp_path_factory.mktemp("anything")
    with new_database(request.param, request, folder) as url:
        settings = Settings(
            instance=folder,
            database_url=url,
            secret_key=SECRET,
            trusted_proxies=1,
            unlimited_networks=(LOOPBACK,),
        )
        with lived_in(settings, Clock(), WTF_CSRF_ENABLED=False) as place:
            yield place


@pytest.fixture(autouse=True)
def nothing_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Hold that no log, at any level, repeats what was sent."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)  # the stolen copy looks into what it logs
    yield
    logging.getLogger("sqlalchemy").setLevel(logging.NOTSET)
    assert MARK not in caplog.text


def check(answer: TestResponse, what: object) -> TestResponse:
    """Hold what is true of every answer, whatever was asked."""
    text = answer.get_data().decode(errors="replace")
    answer.close()
    assert answer.status_code < 500, what
    assert "<script>alert(1)" not in text, what
    assert re.match(r"(http://[\w.:\[\]-]+)?/(?![/\\])", answer.headers.get("Location", "/")), answer.location
    return answer


def forms() -> list[type[Any]]:
    """Return every form there is."""
    found = [FlaskForm]
    for form in found:
        found += form.__subclasses__()
    return [form for form in found if form.__module__.startswith("campaign.")]


def fields() -> set[str]:
    """Return the names of the fields of every form."""
    return {
        name
        for form in forms()
        for name in vars(form).keys() | {name for base in form.__mro__ for name in vars(base)}
        if hasattr(getattr(form, name, None), "field_class")
    }


def filled(place: LivedIn) -> dict[str, bytes]:
    """Return every field of every form, filled in as it should be as far as one form can suit all."""
    known = FORM | {
        "action": "disclose",
        "act": "approve",
        "back": "/organise/signatures?page=2",
        "checked_on": "2026-11-20",
        "code": place.signed.token,
        "contact": "office@example.org",
        "holds": "y",
        "keys": f"de:{place.signed.row.id.hex}",
        "kind": "names",
        "nonce": str(uuid4()),
        "passphrase": PASSPHRASE,
        "passphrase_again": PASSPHRASE,
        "query": "Quill",
        "reason": "Made up",
        "replied_on": "2026-11-23",
        "role": "reader",
        "scope": "chosen",
        "signed_from": "2026-11-01",
        "state": "de",
    }
    return {
        name: known.get(name, "1").encode() for name in fields() | read_without_a_form(WEB) | known.keys()
    }


def read_without_a_form(*folders: Path) -> set[str]:
    """Return the names that views in these files or folders read from what was sent by themselves."""
    asked = re.compile(r"""request\.(?:form|args)\.(?:get|getlist|pop)\(\s*(?:"(\w+)"|([A-Z]+))""")
    files = [path for folder in folders for path in (folder.rglob("*.py") if folder.is_dir() else [folder])]
    found = [match for path in files for match in asked.finditer(path.read_text())]
    constants = {"ANSWER": admission.ANSWER, "TICKET": admission.TICKET}
    return {match[1] or constants[match[2]] for match in found}


def changed(form: dict[str, bytes]) -> st.SearchStrategy[list[tuple[str, bytes]]]:
    """Return *form* with anything in, before or behind a few of its fields, which may be left out."""

    def fillings(name: str) -> st.SearchStrategy[tuple[str, list[bytes]]]:
        around = st.tuples(raw, st.booleans()).map(
            lambda drawn: drawn[0][:200] + form[name] if drawn[1] else form[name] + drawn[0][:200]
        )
        return st.tuples(st.just(name), st.lists(raw | around, max_size=2))

    some = st.lists(st.sampled_from(sorted(form)).flatmap(fillings), min_size=1, max_size=4).map(dict)
    return some.map(
        lambda changes: [(name, each) for name in form for each in changes.get(name, [form[name]])]
    )


def organiser(place: LivedIn) -> FlaskClient:
    return place.browser(place.cookie(unlock=place.session()))


def rules(place: LivedIn, method: str) -> list[Rule]:
    found = [rule for rule in place.app.url_map.iter_rules() if method in (rule.methods or set())]
    return sorted(found, key=lambda rule: rule.rule)


@on_sqlite
def test_every_field_of_every_form_takes_anything_or_says_why_not(place: LivedIn) -> None:
    known = {name: each.decode() for name, each in filled(place).items()}

    def fill(form: type[Any], name: str, text: str) -> None:
        taken = form(MultiDict(known | {name: text}))
        is_valid = taken.validate()

        assert is_valid == (not taken.errors)
        assert all(str(each) for errors in taken.errors.values() for each in errors)
        assert taken[name]()  # and it can be shown again

    with place.app.test_request_context():
        for form in forms():
            for name in sorted(form()._fields.keys() - {"csrf_token", "file"}):
                for_any(typed, partial(fill, form, name), share=0.2)


def test_no_post_breaks_whatever_stands_in_its_fields_nor_changes_anything_unnoted(place: LivedIn) -> None:
    def send(browser: FlaskClient, url: str, form: list[tuple[str, bytes]]) -> None:
        answer = browser.post(url, data=encoded(form), content_type=URL_ENCODED)
        check(answer, (url, form))
        if place.site.database.is_sqlite and (changed := place.changed() - UNNOTED):
            assert "audit_entry" in changed or not url.startswith("/organise/"), (url, changed)
            noted.update({url} if "audit_entry" in changed else {})

    noted: set[str] = set()
    for url in map(place.url, rules(place, "POST")):
        for_any(changed(filled(place)), partial(send, organiser(place), url), share=0.2)
    assert len(noted) >= 5 or not place.site.database.is_sqlite, noted


@on_postgresql
def test_no_post_breaks_at_a_line_end_or_a_null_where_no_form_looks_for_them(place: LivedIn) -> None:
    good, tried = filled(place), 0
    for rule in rules(place, "POST"):
        view = inspect.getsourcefile(inspect.unwrap(place.app.view_functions[rule.endpoint]))
        names = read_without_a_form(Path(view or ""), WEB / "supporter" / "admission.py")
        url, browser = place.url(rule), organiser(place)
        for name in sorted(names):
            for found in (b"\0" + good[name], good[name] + b"\r\nX-Header: b"):
                form = list((good | {name: found}).items())
                check(browser.post(url, data=encoded(form), content_type=URL_ENCODED), (url, name))
                tried += 1
    assert tried > 50


@on_postgresql
@on_one_site
@given(changed({"file": b"state,email,source,checked_on\nde,de@example.org,a call,2026-11-20\n"}))
@example([("file", b"state,email,source,checked_on\nde,de@example.org,a call,1.1.99999999999999999999\n")])
@example([("file", b"state,email,source,checked_on\nde,de@example.org,\xef\xbf\xbf\x7f,2026-11-20\n")])
def test_no_file_breaks_the_import(place: LivedIn, form: list[tuple[str, bytes]]) -> None:
    file = [(BytesIO(content), f"{MARK}.csv") for _name, content in form]
    answer = organiser(place).post("/organise/delegations/import", data={"file": file})

    assert check(answer, form).status_code in {303, 422}


@on_postgresql
def test_no_address_breaks_whatever_stands_in_it(place: LivedIn) -> None:
    def ask(browser: FlaskClient, rule: Rule, filling: list[bytes]) -> None:
        parts = iter(encoded([("", each)])[1:] for each in filling)
        path = re.sub(r"<[^>]+>", lambda _found: next(parts), rule.rule)
        last = encoded([("", filling[-1])])[1:]
        for url in (path, re.sub(r"[^/.]+$", lambda _found: last, place.url(rule))):
            for method in ("GET", "POST"):
                check(browser.open(url, method=method), url)

    for rule in place.app.url_map.iter_rules():
        if count := len(rule.arguments):
            for_any(
                st.lists(raw, min_size=count, max_size=count), partial(ask, organiser(place), rule), share=0.1
            )


@on_postgresql
def test_no_page_breaks_whatever_stands_behind_its_question_mark(place: LivedIn) -> None:
    def ask(browser: FlaskClient, url: str, query: str) -> None:
        check(browser.get(f"{url}?{query}"), (url, query))

    known = {name: text.encode() for name, text in QUERY.items()}
    queries = changed(known).map(encoded) | raw.map(lambda text: encoded([("", text)])[1:])
    for rule in rules(place, "GET"):
        if rule.endpoint != "organise.list_file":  # reads nothing there, and takes long
            for_any(queries, partial(ask, organiser(place), place.url(rule)), share=0.1)


@on_one_site
@given(
    st.sampled_from(["/", "/en/", "/en/letters/de", "/counts.json", "/organise/login", "/organise/"]),
    st.sampled_from(["GET", "HEAD", "POST"]),
    st.dictionaries(st.sampled_from(HEADERS), header_text, min_size=1, max_size=4),
)
@example("/en/letters/de", "POST", {"Content-Type": "multipart/form-data"})
@example("/en/letters/de", "POST", {"Content-Type": "multipart/form-data; boundary=\xff"})
@example("/en/letters/de", "POST", {"Content-Type": f"{URL_ENCODED}; charset=utf-7"})
@example("/en/", "GET", {"Host": "[::1"})
@example("/en/", "GET", {"Host": "localhost:x"})
@example("/en/", "GET", {"X-Forwarded-Host": "localhost, elsewhere.example"})
@example("/organise/", "GET", {"Cookie": "organiser=.eJx; organiser=\x00"})
def test_no_header_breaks_a_page(place: LivedIn, url: str, method: str, headers: dict[str, str]) -> None:
    names = {name: name.upper().replace("-", "_") for name in headers}
    environ = {
        name if name.startswith("CONTENT_") else f"HTTP_{name}": headers[header]
        for header, name in names.items()
    }
    answer = place.browser().open(url, method=method, environ_overrides=environ)

    check(answer, (url, headers))
    if "Host" not in headers and "X-Forwarded-Host" not in headers:
        assert "elsewhere.example" not in answer.headers.get("Location", "")


@on_one_site
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "name": typed,
            "town": typed,
            "words": typed,
            "email": typed.map(lambda text: f"{text}@example.org")
            | typed.map(lambda text: f"a@{text}.example"),
            "disclosure": st.sampled_from(["public", "delegation", "counted"]),
        },
    )
)
def test_what_is_signed_is_sealed_and_comes_out_as_it_was_typed(
    place: LivedIn, changes: dict[str, str]
) -> None:
    form = FORM | {"name": f"{MARK} Example"} | changes
    place.clock.time += timedelta(hours=1)
    before = everyone(place)
    answer = check(place.browser().post("/en/letters/se", data=form), changes)
    new = [row for row in everyone(place).values() if row.id not in before]

    assert answer.status_code == (303 if new else 422)
    for row in new:
        if row.sealed is None:
            assert row.disclosure == "counted"
            continue
        details = box.unseal(row.sealed, place.owner.campaign_private_key)
        assert details.name == one_line(form["name"])
        assert details.town == one_line(form["town"])
        assert details.words == paragraphs(form["words"])
        assert row.digest == address_digest(place.site.keys, "se", one_line(form["email"]))


def everyone(place: LivedIn) -> dict[Any, Signature]:
    with place.site.database.reading() as db:
        return {row.id: row for row in db.scalars(select(Signature).where(Signature.state_code == "se"))}


def test_nothing_that_a_supporter_typed_lies_in_the_database_in_clear(place: LivedIn) -> None:
    form = {name: f"{MARK} {name}" for name in ("name", "town", "words")}
    form |= {"email": f"{MARK}@example.org", "disclosure": "public"}
    assert place.browser().post("/en/letters/no", data=FORM | form).status_code == 303
    assert place.browser().post("/en/signature", data={"email": f"{MARK}@example.org"}).status_code == 303

    with place.site.database.reading() as db:
        signed = db.scalars(select(Signature).where(Signature.state_code == "no")).all()
        waiting = db.scalars(select(outbox.OutboxMail)).all()
    rows = [vars(row) for row in (*signed, *waiting)]
    assert signed
    assert waiting
    assert MARK not in repr(rows)
    assert MARK.encode() not in b"".join(
        each for row in rows for each in row.values() if isinstance(each, bytes)
    )
    assert PRIVATE[0] not in repr(rows)
