"""Arbitrary forms, URLs and headers: no page answers 5xx, and no log repeats what was sent."""

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
from campaign.settings import Settings
from campaign.signature.model import Signature
from campaign.web.field import one_line, paragraphs
from campaign.web.organise import views
from campaign.web.supporter import admission
from tests.conftest import SECRET, Clock, new_database
from tests.support.factories import PASSPHRASE, address_digest
from tests.support.hostile_input import MARK, encoded, for_any, header_text, raw, typed
from tests.web.conftest import FORM
from tests.web.filled_site import LOOPBACK, PRIVATE, FilledSite, run_filled_site

assert views, "imported so that every form is a subclass of FlaskForm here"

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
"""Valid values of the query parameters that pages read."""

UNNOTED = {"organiser_session", "the queue"}
"""The tables that organisers' requests may change without an entry in the audit log."""

on_sqlite = pytest.mark.parametrize("filled_site", ["sqlite"], indirect=True)
"""For requests that do not reach the database."""

on_postgresql = pytest.mark.parametrize("filled_site", ["postgresql"], indirect=True)
"""What breaks at a text or a number breaks on PostgreSQL, which refuses more of them than SQLite does."""

on_one_site = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled_site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FilledSite]:
    """Give one site for each database, behind a proxy, whose forms need no token."""
    folder = tmp_path_factory.mktemp("anything")
    with new_database(request.param, request, folder) as url:
        settings = Settings(
            instance=folder,
            database_url=url,
            secret_key=SECRET,
            trusted_proxies=1,
            unlimited_networks=(LOOPBACK,),
        )
        with run_filled_site(settings, Clock(), WTF_CSRF_ENABLED=False) as filled_site:
            yield filled_site


@pytest.fixture(autouse=True)
def nothing_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that no log, at any level, repeats what was sent."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)  # test_stolen_copy.py checks its log
    yield
    logging.getLogger("sqlalchemy").setLevel(logging.NOTSET)
    assert MARK not in caplog.text


def check(answer: TestResponse, what: object) -> TestResponse:
    """Check what every answer must fulfil."""
    text = answer.get_data().decode(errors="replace")
    answer.close()
    assert answer.status_code < 500, what
    assert "<script>alert(1)" not in text, what
    assert re.match(r"(http://[\w.:\[\]-]+)?/(?![/\\])", answer.headers.get("Location", "/")), answer.location
    return answer


def forms() -> list[type[Any]]:
    """Return every form."""
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


def valid_form(filled_site: FilledSite) -> dict[str, bytes]:
    """Return every field of every form, with values that are valid for most forms."""
    known = FORM | {
        "action": "disclose",
        "act": "approve",
        "also": "fr",
        "shown": "waiting",
        "back": "/organise/signatures?page=2",
        "checked_on": "2026-11-20",
        "code": filled_site.signed.token,
        "contact": "office@example.org",
        "holds": "y",
        "keys": f"de:{filled_site.signed.row.id.hex}",
        "kind": "names",
        "letters": "de",
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
    """Return the fields that views in these files or folders read without a form."""
    asked = re.compile(r"""request\.(?:form|args)\.(?:get|getlist|pop)\(\s*(?:"(\w+)"|([A-Z]+))""")
    files = [path for folder in folders for path in (folder.rglob("*.py") if folder.is_dir() else [folder])]
    found = [match for path in files for match in asked.finditer(path.read_text())]
    constants = {"ANSWER": admission.ANSWER, "TICKET": admission.TICKET}
    return {match[1] or constants[match[2]] for match in found}


def changed(form: dict[str, bytes], *, most: int = 4) -> st.SearchStrategy[list[tuple[str, bytes]]]:
    """Return *form* with arbitrary bytes in, before or after up to *most* of its fields, or without them."""

    def fillings(name: str) -> st.SearchStrategy[tuple[str, list[bytes]]]:
        around = st.tuples(raw, st.booleans()).map(
            lambda drawn: drawn[0][:200] + form[name] if drawn[1] else form[name] + drawn[0][:200]
        )
        return st.tuples(st.just(name), st.lists(raw | around, max_size=2))

    # Made once, since Hypothesis takes longer to check a new strategy than to draw from it.
    made = {name: fillings(name) for name in form}
    some = st.lists(
        st.sampled_from(sorted(form)).flatmap(lambda name: made[name]), min_size=1, max_size=most
    ).map(dict)
    return some.map(
        lambda changes: [(name, each) for name in form for each in changes.get(name, [form[name]])]
    )


def organiser(filled_site: FilledSite) -> FlaskClient:
    return filled_site.browser(filled_site.cookie(unlock=filled_site.session()))


def rules(filled_site: FilledSite, method: str) -> list[Rule]:
    found = [rule for rule in filled_site.app.url_map.iter_rules() if method in (rule.methods or set())]
    return sorted(found, key=lambda rule: rule.rule)


@on_sqlite
def test_every_field_of_every_form_takes_anything_or_says_why_not(filled_site: FilledSite) -> None:
    known = {name: each.decode() for name, each in valid_form(filled_site).items()}

    def fill(form: type[Any], name: str, text: str) -> None:
        taken = form(MultiDict(known | {name: text}))
        is_valid = taken.validate()

        assert is_valid == (not taken.errors)
        assert all(str(each) for errors in taken.errors.values() for each in errors)
        # Renders without an error; a field without a widget is drawn by its page.
        assert taken[name].widget is None or taken[name]()

    with filled_site.app.test_request_context():
        for form in forms():
            for name in sorted(form()._fields.keys() - {"csrf_token", "file"}):
                for_any(typed, partial(fill, form, name), share=0.2, about=f"{form} {name}")


def test_a_post_with_any_fields_does_not_break_and_its_changes_are_logged(filled_site: FilledSite) -> None:
    def send(browser: FlaskClient, url: str, form: list[tuple[str, bytes]]) -> None:
        answer = browser.post(url, data=encoded(form), content_type=URL_ENCODED)
        check(answer, (url, form))
        if filled_site.site.database.is_sqlite and (changed := filled_site.changed() - UNNOTED):
            assert "audit_entry" in changed or not url.startswith("/organise/"), (url, changed)
            noted.update({url} if "audit_entry" in changed else {})

    noted: set[str] = set()
    good, dialect = valid_form(filled_site), filled_site.site.database.engine.name
    organisers, supporters = changed(good), changed(good | {"shown": b""})
    for rule in rules(filled_site, "POST"):
        url, about = filled_site.url(rule), f"{rule} {dialect}"
        posts = organisers if rule.endpoint.startswith("organise.") else supporters
        for_any(posts, partial(send, organiser(filled_site), url), share=0.1, about=about)
    assert len(noted) >= 5 or not filled_site.site.database.is_sqlite, noted


@on_postgresql
def test_a_line_end_or_null_breaks_no_field_that_is_read_without_a_form(filled_site: FilledSite) -> None:
    good, tried = valid_form(filled_site), 0
    for rule in rules(filled_site, "POST"):
        view = Path(
            inspect.getsourcefile(inspect.unwrap(filled_site.app.view_functions[rule.endpoint])) or ""
        )
        files = [view, WEB / "supporter" / "admission.py"] if "admission." in view.read_text() else [view]
        names = read_without_a_form(*files)
        url, browser = filled_site.url(rule), organiser(filled_site)
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
def test_no_file_breaks_the_import(filled_site: FilledSite, form: list[tuple[str, bytes]]) -> None:
    file = [(BytesIO(content), f"{MARK}.csv") for _name, content in form]
    answer = organiser(filled_site).post("/organise/delegations/import", data={"file": file})

    assert check(answer, form).status_code in {303, 422}


@on_postgresql
def test_no_url_breaks(filled_site: FilledSite) -> None:
    def ask(browser: FlaskClient, rule: Rule, filling: list[bytes]) -> None:
        parts = iter(encoded([("", each)])[1:] for each in filling)
        path = re.sub(r"<[^>]+>", lambda _found: next(parts), rule.rule)
        last = encoded([("", filling[-1])])[1:]
        for url in (path, re.sub(r"[^/.]+$", lambda _found: last, filled_site.url(rule))):
            for method in {"GET", "POST"} & (rule.methods or set()):
                check(browser.open(url, method=method), url)

    for rule in filled_site.app.url_map.iter_rules():
        if count := len(rule.arguments):
            for_any(
                st.lists(raw, min_size=count, max_size=count),
                partial(ask, organiser(filled_site), rule),
                share=0.1,
                about=str(rule),
            )


@on_postgresql
def test_no_query_breaks_a_page(filled_site: FilledSite) -> None:
    def ask(browser: FlaskClient, url: str, query: str) -> None:
        check(browser.get(f"{url}?{query}"), (url, query))

    names = read_without_a_form(WEB) | QUERY.keys()
    known = {name: QUERY.get(name, "1").encode() for name in sorted(names)}
    bare = raw.map(lambda text: encoded([("", text)])[1:])
    # Many at once: one that is bad hides no other, as it does in a form.
    queries = st.tuples(changed(known, most=len(known)).map(encoded), bare).map("&".join)
    for rule in rules(filled_site, "GET"):
        if rule.endpoint != "organise.list_file":  # reads no query, and is slow
            ask_page = partial(ask, organiser(filled_site), filled_site.url(rule))
            for_any(queries, ask_page, share=0.06, about=str(rule))


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
def test_no_header_breaks_a_page(
    filled_site: FilledSite, url: str, method: str, headers: dict[str, str]
) -> None:
    names = {name: name.upper().replace("-", "_") for name in headers}
    environ = {
        name if name.startswith("CONTENT_") else f"HTTP_{name}": headers[header]
        for header, name in names.items()
    }
    answer = filled_site.browser().open(url, method=method, environ_overrides=environ)

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
def test_signed_details_are_sealed_and_unsealed_as_they_were_typed(
    filled_site: FilledSite, changes: dict[str, str]
) -> None:
    form = FORM | {"name": f"{MARK} Example"} | changes
    filled_site.clock.time += timedelta(hours=1)
    before = everyone(filled_site)
    answer = check(filled_site.browser().post("/en/letters/se", data=form), changes)
    new = [row for row in everyone(filled_site).values() if row.id not in before]

    assert answer.status_code == (303 if new else 422)
    for row in new:
        if row.sealed is None:
            assert row.disclosure == "counted"
            continue
        details = box.unseal(row.sealed, filled_site.owner.campaign_private_key, row.context)
        assert details.name == one_line(form["name"])
        assert details.town == one_line(form["town"])
        assert details.words == paragraphs(form["words"])
        assert row.digest == address_digest(filled_site.site.keys, "se", one_line(form["email"]))


def everyone(filled_site: FilledSite) -> dict[Any, Signature]:
    with filled_site.site.database.reading() as db:
        return {row.id: row for row in db.scalars(select(Signature).where(Signature.state_code == "se"))}


def test_nothing_that_a_supporter_typed_is_in_clear_in_the_database(filled_site: FilledSite) -> None:
    form = {name: f"{MARK} {name}" for name in ("name", "town", "words")}
    form |= {"email": f"{MARK}@example.org", "disclosure": "public"}
    assert filled_site.browser().post("/en/letters/no", data=FORM | form).status_code == 303
    assert (
        filled_site.browser().post("/en/signature", data={"email": f"{MARK}@example.org"}).status_code == 303
    )

    with filled_site.site.database.reading() as db:
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
