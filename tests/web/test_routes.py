"""Every route, requested with every method without the right to use it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from campaign.organiser.role import ORGANISER, OWNER, READER
from campaign.organiser.role import ROLES as FROM_LEAST_TO_MOST
from campaign.settings import Settings
from campaign.web.organise.permission import OPEN
from tests.conftest import SECRET, Clock, new_database
from tests.web.conftest import FORM
from tests.web.filled_site import LOOPBACK, MISSION, PRIVATE, FilledSite, foreign_cookies, run_filled_site

ROUTES = """
GET   /                                                              anyone
GET   /<language:language>/                                          anyone
GET   /<language:language>/accessibility                             anyone
GET   /<language:language>/check-your-mail                           anyone
GET   /<language:language>/embed/<state:state>                       anyone
GET   /<language:language>/letters                                   anyone
GET   /<language:language>/letters/<state:state>                     anyone
POST  /<language:language>/letters/<state:state>                     supporters
GET   /<language:language>/letters/<state:state>.atom                anyone       application/atom+xml
GET   /<language:language>/letters/<state:state>.pdf                 anyone       application/pdf
GET   /<language:language>/letters/<state:state>.txt                 anyone       text/plain
GET   /<language:language>/persons/<person_id>                       anyone
GET   /<language:language>/privacy                                   anyone
GET   /<language:language>/progress                                  anyone
GET   /<language:language>/signature                                 anyone
POST  /<language:language>/signature                                 supporters
GET   /<language:language>/signature/<token>                         link
POST  /<language:language>/signature/<token>                         supporters
GET   /<language:language>/signature/sent                            anyone
GET   /<language:language>/updates.atom                              anyone       application/atom+xml
GET   /<language:language>/verify                                    anyone
GET   /<language:language>/verify/<code>                             anyone
GET   /counts.json                                                   anyone       application/json
GET   /healthz                                                       anyone       application/json
GET   /metrics                                                       machine      text/plain
GET   /share/<language:language>/<state:state>.png                   anyone       image/png
GET   /share/<language:language>/all.png                             anyone       image/png
GET   /state-names.json                                              anyone       application/json
GET   /static/<fingerprint>/<path:path>                              anyone       text/css
GET   /organise/login                                                login
POST  /organise/login                                                login
GET   /organise/recover                                              login
POST  /organise/recover                                              login
GET   /organise/setup/<token>                                        link
POST  /organise/setup/<token>                                        login
GET   /organise/                                                     readers
GET   /organise/account                                              readers
POST  /organise/account/adopt                                        owners
GET   /organise/account/codes                                        readers
POST  /organise/account/codes/off                                    readers
POST  /organise/account/codes/on                                     readers
POST  /organise/account/invitations                                  owners
POST  /organise/account/organisation                                 owners
GET   /organise/account/organisers/<uuid:organiser_id>               owners
POST  /organise/account/organisers/<uuid:organiser_id>/remove        owners
POST  /organise/account/organisers/<uuid:organiser_id>/role          owners
GET   /organise/account/promotion                                    readers
POST  /organise/account/promotion                                    readers
POST  /organise/account/recovery-code                                organisers
POST  /organise/account/key                                           owners
GET   /organise/account/passphrase                                   readers
POST  /organise/account/passphrase                                   readers
GET   /organise/account/recovery-code/drill                          organisers
POST  /organise/account/recovery-code/drill                          organisers
POST  /organise/account/sessions/end                                 readers
POST  /organise/account/invitations/<uuid:invitation_id>/revoke      owners
GET   /organise/again                                                readers
POST  /organise/again                                                readers
GET   /organise/audit                                                readers
GET   /organise/checks                                               organisers
POST  /organise/checks                                               organisers
POST  /organise/checks/<uuid:decision_id>/undo                       organisers
POST  /organise/checks/find                                          organisers
GET   /organise/closing                                              readers
POST  /organise/closing/<kind>                                       owners
POST  /organise/closing/reopen                                       owners
GET   /organise/delegations                                          readers
POST  /organise/delegations/<state:state>                            organisers
POST  /organise/delegations/import                                   organisers
GET   /organise/delegations/template.csv                             organisers   text/csv
GET   /organise/deliveries                                           readers
GET   /organise/deliveries/<uuid:delivery_id>                        readers
POST  /organise/deliveries/<uuid:delivery_id>/bounce                 organisers
POST  /organise/deliveries/<uuid:delivery_id>/reply                  organisers
GET   /organise/deliveries/new/<state:state>                         organisers
POST  /organise/deliveries/new/<state:state>                         organisers
POST  /organise/deliveries/new/<state:state>/test                    organisers
POST  /organise/language                                             login
GET   /organise/languages                                            readers
GET   /organise/languages/<language:translation>                     readers
POST  /organise/languages/<language:translation>                     owners
GET   /organise/languages/<language:translation>/<page>              readers
POST  /organise/languages/<language:translation>/unchecked           owners
GET   /organise/lists/<state>.<format>                               organisers   text/csv
POST  /organise/logout                                               readers
GET   /organise/notices                                              organisers
POST  /organise/notices/<uuid:delivery_id>                           organisers
GET   /organise/requests                                             organisers
POST  /organise/requests                                             organisers
POST  /organise/requests/erase                                       organisers
GET   /organise/restored                                             owners
POST  /organise/restored                                             owners
GET   /organise/safety                                               owners
POST  /organise/safety                                               owners
POST  /organise/safety/change                                        owners
GET   /organise/signatures                                           organisers
POST  /organise/signatures                                           organisers
POST  /organise/signatures/search                                    organisers
"""
"""Every route, its users (each role may use what the one before it may), and its type unless it is a page.
Written by hand, so that nobody adds a route without saying who may use it."""

ROLES = {"readers": READER, "organisers": ORGANISER, "owners": OWNER}

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

READING = frozenset({"GET", "HEAD", "OPTIONS"})

FOREIGN = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://elsewhere.example"},
    {"Origin": "http://localhost.elsewhere.example"},
    {"Origin": "http://localhost:8001"},
    {"Origin": "https://localhost"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
)
"""Headers of a post that another site made a browser send."""

HEADERS = {
    "Content-Security-Policy": r"default-src 'none'; .*frame-ancestors ('none'|\*)",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": r"camera=\(\), .*",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": ".+",
}
"""Headers of every answer."""


NO_TOKEN = {400, 410}
"""Statuses without a valid token; 410 is the answer of a page that showed a code once."""


WITH_NAMES = {f"organise.{view}" for view in ("list_file", "signatures", "checks", "prepare_delivery")}
"""Endpoints whose answer to a GET has names, which the audit log notes."""


@dataclass(frozen=True)
class Route:
    """A line of the table, or a rule of the application."""

    method: str
    rule: str
    who: str = ""
    type: str = "text/html"

    @property
    def is_guarded(self) -> bool:
        return self.who in ROLES


def table() -> list[Route]:
    return [Route(*re.split(r"\s{2,}", line.strip())) for line in ROUTES.strip().splitlines()]


@pytest.fixture(scope="module")
def filled_site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FilledSite]:
    """Give one site for all tests, since none may change it."""
    folder = tmp_path_factory.mktemp("routes")
    with new_database("sqlite", request, folder) as url:
        settings = Settings(
            instance=folder, database_url=url, secret_key=SECRET, unlimited_networks=(LOOPBACK,)
        )
        with run_filled_site(settings, Clock()) as filled_site:
            yield filled_site


def rules(filled_site: FilledSite) -> dict[tuple[str, str], Rule]:
    """Return the application's rules by method and path, as in the table."""
    return {
        (method, rule.rule): rule
        for rule in filled_site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def urls(filled_site: FilledSite) -> list[tuple[str, Rule]]:
    """Return the URLs of each rule, of an existing object and of none."""
    found = {
        filled_site.url(rule, known=known): rule
        for rule in rules(filled_site).values()
        for known in (True, False)
    }
    return list(found.items())


def ask(browser: FlaskClient, url: str, method: str = "GET", **more: Any) -> TestResponse:
    """Return the answer, read to its end and closed."""
    answer = browser.open(url, method=method, **more)
    answer.get_data()
    answer.close()
    return answer


def check_answer(filled_site: FilledSite, answer: TestResponse, what: object) -> None:
    """Check an answer to a client without the right to use the route."""
    text = answer.data.decode(errors="replace")
    assert answer.status_code < 500, what
    for name, pattern in HEADERS.items():
        assert re.fullmatch(pattern, answer.headers.get(name, "")), (what, name)
    may_be_framed = "frame-ancestors *" in answer.headers["Content-Security-Policy"]
    assert answer.headers.get("X-Frame-Options", "") == ("" if may_be_framed else "DENY"), what
    assert may_be_framed <= ("/embed/" in answer.request.path), what
    if answer.data:
        assert answer.headers.get("Content-Type"), what
    if answer.status_code >= 400:
        assert answer.mimetype == "text/html", what
        assert answer.headers["Cache-Control"] == "no-store", what
    assert not [word for word in (*PRIVATE, MISSION) if word in text], what
    assert not filled_site.changed(), what


def check_closed(answer: TestResponse, what: object) -> None:
    """Check an answer of an organisers' route to a client without the right to use it."""
    assert answer.status_code in {303, 400, 401, 403, 404, 405}, what
    assert answer.status_code != 303 or answer.location == "/organise/login", what
    assert answer.headers["Cache-Control"] == "no-store", what


def test_the_table_names_every_route_once_and_no_other(filled_site: FilledSite) -> None:
    listed = [(route.method, route.rule) for route in table()]

    assert sorted(listed) == sorted(rules(filled_site))


def test_a_route_shows_or_changes_something_never_both(filled_site: FilledSite) -> None:
    for rule in filled_site.app.url_map.iter_rules():
        methods = rule.methods or set()
        assert methods <= {"GET", "HEAD", "OPTIONS"} or methods <= {"POST", "OPTIONS"}, rule


def test_the_table_says_which_routes_need_a_session(filled_site: FilledSite) -> None:
    for route in table():
        rule = rules(filled_site)[route.method, route.rule]
        is_organisers = rule.endpoint.startswith("organise.")

        assert is_organisers == route.rule.startswith("/organise/")
        assert route.is_guarded == (is_organisers and rule.endpoint not in OPEN), route
        assert route.method == "POST" or route.who != "supporters", route


@pytest.mark.parametrize("method", METHODS)
def test_without_a_session_no_route_shows_or_changes_anything(filled_site: FilledSite, method: str) -> None:
    guarded = {route.rule for route in table() if route.is_guarded}
    browser = filled_site.browser()
    for url, rule in urls(filled_site):
        has_link = filled_site.signed.token in url
        answer = ask(browser, url, method)
        what = method, url, answer.status

        if has_link and method == "GET":  # the signatory's own page
            assert answer.status_code == 200, what
            assert not filled_site.changed(), what
            continue
        check_answer(filled_site, answer, what)
        if rule.rule in guarded:
            check_closed(answer, what)
        if not rule.endpoint.startswith("organise."):
            assert "Set-Cookie" not in answer.headers, what
        if method not in (*READING, "POST"):
            assert answer.status_code in {303, 405}, what


def test_an_expired_forged_or_foreign_session_opens_nothing(filled_site: FilledSite) -> None:
    guarded = {route.rule for route in table() if route.is_guarded}
    cookies, adapter = foreign_cookies(filled_site), filled_site.app.url_map.bind("localhost")
    filled_site.changed()
    for kind, cookie in cookies.items():
        browser = filled_site.browser(cookie)
        for url, rule in urls(filled_site):
            # Supporters' pages ask for no session: an expired, a forged and a broken one are enough for them.
            if not rule.endpoint.startswith("organise.") and kind not in {"ended", "altered", "nonsense"}:
                continue
            # No view answers to the other methods, whatever the cookie: one kind of it is enough.
            answered = {"GET", "POST"} & set(adapter.allowed_methods(url))
            for method in METHODS if rule.rule in guarded and kind == "ended" else answered:
                if method == "GET" and filled_site.signed.token in url:
                    continue
                answer = ask(browser, url, method)
                what = kind, method, url, answer.status

                check_answer(filled_site, answer, what)
                if rule.rule in guarded:
                    check_closed(answer, what)
                if not rule.endpoint.startswith("organise."):
                    assert "Set-Cookie" not in answer.headers, what
                    assert "Cookie" not in answer.headers.get("Vary", ""), what


def test_the_same_cookie_opens_everything_while_its_session_lasts(filled_site: FilledSite) -> None:
    browser = filled_site.browser(filled_site.cookie(unlock=filled_site.session()))

    for route in table():
        if route.is_guarded and route.method == "GET":
            url = filled_site.url(rules(filled_site)["GET", route.rule])
            assert ask(browser, url).status_code == 200, url
    assert PRIVATE[0] in browser.get("/organise/lists/de.csv").text


@pytest.mark.parametrize("role", [READER, ORGANISER])
def test_a_role_opens_no_more_than_the_table_says(filled_site: FilledSite, role: str) -> None:
    browser = filled_site.browser(filled_site.cookie(unlock=filled_site.session(role), csrf_token="0" * 40))
    token = csrf_token(browser)
    filled_site.changed()
    for route in table():
        if not route.is_guarded:
            continue
        rank = FROM_LEAST_TO_MOST.index
        may = rank(role) >= rank(ROLES[route.who])
        for known in (True, False):
            url = filled_site.url(rules(filled_site)[route.method, route.rule], known=known)
            if route.method == "GET":
                answer = ask(browser, url)
            elif not may:
                answer = ask(browser, url, "POST", data={"csrf_token": token})
            else:
                continue
            assert (answer.status_code == 403) == (not may), (url, answer.status)
            if not may:
                check_answer(filled_site, answer, url)
        filled_site.changed()


def test_a_reader_is_shown_no_name_of_a_signatory(filled_site: FilledSite) -> None:
    browser = filled_site.browser(filled_site.cookie(unlock=filled_site.session(READER)))
    for url, rule in urls(filled_site):
        if "GET" in (rule.methods or set()) and filled_site.signed.token not in url:
            text = ask(browser, url).data.decode(errors="replace")
            assert not [word for word in PRIVATE[:4] if word in text], url


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_get_changes_only_the_log_of_names_seen_and_a_sessions_last_use(
    filled_site: FilledSite, method: str
) -> None:
    browser = filled_site.browser(filled_site.cookie(unlock=filled_site.session()))
    filled_site.clock.forward(minutes=2)
    filled_site.changed()
    for url, rule in urls(filled_site):
        if "GET" not in (rule.methods or set()):
            continue
        ask(browser, url, method)
        used = {"organiser_session"} if rule.endpoint.startswith("organise.") else set()

        log = {"audit_entry", "audit_end"} if rule.endpoint in WITH_NAMES else set()

        assert filled_site.changed() <= used | log, (method, url)


def test_every_answer_is_of_the_type_that_the_table_says(filled_site: FilledSite) -> None:
    browser = filled_site.browser(filled_site.cookie(unlock=filled_site.session()))
    for route in table():
        if route.method != "GET":
            continue
        url = filled_site.url(rules(filled_site)["GET", route.rule])
        answer = ask(browser, url)
        is_elsewhere = answer.status_code in {302, 303} or url in {"/en/letters"}

        assert answer.status_code == 200 or is_elsewhere, (url, answer.status)
        assert answer.mimetype == route.type, url
        if route.type.startswith("text/"):
            assert answer.mimetype_params["charset"] == "utf-8", url
        seen = ask(browser, url, "HEAD")
        assert seen.status_code == answer.status_code, url
        assert seen.content_type == answer.content_type, url
        assert not seen.data, url


def posts(filled_site: FilledSite, *, guarded: bool) -> list[str]:
    return [
        filled_site.url(rules(filled_site)["POST", route.rule])
        for route in table()
        if route.method == "POST" and route.rule.startswith("/organise/") == guarded
    ]


def test_a_post_that_another_site_made_a_supporters_browser_send_is_refused(filled_site: FilledSite) -> None:
    filled_site.changed()
    for url in posts(filled_site, guarded=False):
        for headers in FOREIGN:
            form = FORM | {"action": "withdraw"}
            answer = filled_site.browser().post(url, data=form, headers=headers)

            assert answer.status_code == 403, (url, headers)
            check_answer(filled_site, answer, (url, headers))
        for headers in ({"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}, {}):
            assert filled_site.browser().post(url, headers=headers).status_code != 403, (url, headers)


def test_a_post_without_its_pages_token_is_refused_with_a_session_too(filled_site: FilledSite) -> None:
    browser = filled_site.browser(filled_site.cookie(unlock=filled_site.session(), csrf_token="0" * 40))
    filled_site.changed()
    for url in posts(filled_site, guarded=True):
        for token in ({}, {"csrf_token": ""}, {"csrf_token": "0" * 40}, {"csrf_token": "a.b.c"}):
            answer = browser.post(url, data={"name": "Mara", "email": "mara@example.org"} | token)

            assert answer.status_code in NO_TOKEN, (url, token)
            assert PRIVATE[0] not in answer.text
            assert not filled_site.changed(), (url, token)


def csrf_token(browser: FlaskClient) -> str:
    """Return the token in the forms of this browser's session."""
    page = browser.get("/organise/account").text
    [token, *_] = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    return str(token)


def test_a_token_of_another_session_is_refused(filled_site: FilledSite) -> None:
    token = csrf_token(filled_site.browser(filled_site.cookie(unlock=filled_site.session())))
    browser = filled_site.browser(filled_site.cookie(unlock=filled_site.session(), csrf_token="0" * 40))
    filled_site.changed()

    for url in posts(filled_site, guarded=True):
        assert browser.post(url, data={"csrf_token": token}).status_code in NO_TOKEN, url
    assert not filled_site.changed()


@pytest.mark.parametrize(
    "path", ["//elsewhere.example/x", "/fr//elsewhere.example", "/fr/%0d%0aX-A: b", "/\\x"]
)
def test_no_redirect_leads_to_another_site(filled_site: FilledSite, path: str) -> None:
    answer = filled_site.browser().get(path)

    assert "X-A" not in answer.headers
    assert re.match(r"(http://localhost)?/(?![/\\])", answer.headers.get("Location", "/"))


def test_an_address_that_leads_on_is_stored_by_no_cache_and_names_no_host(filled_site: FilledSite) -> None:
    browser = filled_site.browser()
    addresses = {"/", "/en", "/ru/letters/de", "/organise", "/en/letters?state=de", "/en/progress?page=3"}
    for url, _rule in urls(filled_site):
        first, slash, rest = url.removeprefix("/").partition("/")
        addresses.add(f"/{first}//{rest}" if slash else url)
    seen = set()
    for url in sorted(addresses):
        for method in ("GET", "HEAD", "POST"):
            answer = ask(browser, url, method)
            if answer.status_code not in {301, 302, 303, 307, 308}:
                continue
            seen.add(answer.status_code)
            assert answer.headers["Cache-Control"] == "no-store", (method, url)
            assert answer.headers["X-Accel-Buffering"] == "no", (method, url)
            assert re.match(r"/(?!/)", answer.headers["Location"]), (method, url)
            assert b"http" not in answer.data, (method, url)
    assert seen >= {303, 308}
