"""Every route, tried with every method by whoever should not get anything there."""

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
from tests.web.lived_in import LOOPBACK, MISSION, PRIVATE, LivedIn, foreign_cookies, lived_in

ROUTES = """
GET   /                                                              anyone
GET   /<language:language>/                                          anyone
GET   /<language:language>/check-your-mail                           anyone
GET   /<language:language>/embed/<state:state>                       anyone
GET   /<language:language>/letters                                   anyone
GET   /<language:language>/letters/<state:state>                     anyone
POST  /<language:language>/letters/<state:state>                     supporters
GET   /<language:language>/letters/<state:state>.pdf                 anyone       application/pdf
GET   /<language:language>/letters/<state:state>.txt                 anyone       text/plain
GET   /<language:language>/persons/<person_id>                       anyone
GET   /<language:language>/privacy                                   anyone
GET   /<language:language>/progress                                  anyone
GET   /<language:language>/signature                                 anyone
POST  /<language:language>/signature                                 supporters
GET   /<language:language>/signature/<token>                         with the link
POST  /<language:language>/signature/<token>                         supporters
GET   /<language:language>/signature/sent                            anyone
GET   /<language:language>/verify                                    anyone
GET   /<language:language>/verify/<code>                             anyone
GET   /counts.json                                                   anyone       application/json
GET   /healthz                                                       anyone       application/json
GET   /metrics                                                       the machine  text/plain
GET   /static/<fingerprint>/<path:path>                              anyone       text/css
GET   /organise/login                                                the login
POST  /organise/login                                                the login
GET   /organise/recover                                              the login
POST  /organise/recover                                              the login
GET   /organise/setup/<token>                                        with the link
POST  /organise/setup/<token>                                        the login
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
POST  /organise/account/recovery-code                                organisers
GET   /organise/account/recovery-code/drill                          organisers
POST  /organise/account/recovery-code/drill                          organisers
GET   /organise/audit                                                readers
GET   /organise/checks                                               organisers
POST  /organise/checks                                               organisers
POST  /organise/checks/<uuid:decision_id>/undo                       organisers
POST  /organise/checks/find                                          organisers
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
GET   /organise/lists/<state>.<format>                               organisers   text/csv
POST  /organise/logout                                               readers
GET   /organise/notices                                              organisers
POST  /organise/notices/<uuid:delivery_id>                           organisers
GET   /organise/requests                                             organisers
POST  /organise/requests                                             organisers
POST  /organise/requests/erase                                       organisers
GET   /organise/safety                                               owners
POST  /organise/safety                                               owners
POST  /organise/safety/change                                        owners
GET   /organise/signatures                                           organisers
POST  /organise/signatures                                           organisers
POST  /organise/signatures/search                                    organisers
"""
"""Every route there is, who gets anything there (each role may what the one before it may), and of what type
it is unless it is a page. Written by hand: a new route is reached on purpose by nobody until it is listed."""

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
"""What a browser says of a post that another site made it send."""

HEADERS = {
    "Content-Security-Policy": r"default-src 'none'; .*frame-ancestors ('none'|\*)",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": r"camera=\(\), .*",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": ".+",
}
"""What every answer carries."""


NO_TOKEN = {400, 410}
"""Refused; where a code was shown once, an organiser who reloads that page is told so."""


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
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedIn]:
    """Give one site for all: nothing here may change it."""
    folder = tmp_path_factory.mktemp("routes")
    with new_database("sqlite", request, folder) as url:
        settings = Settings(
            instance=folder, database_url=url, secret_key=SECRET, unlimited_networks=(LOOPBACK,)
        )
        with lived_in(settings, Clock()) as place:
            yield place


def rules(place: LivedIn) -> dict[tuple[str, str], Rule]:
    """Return the application's rules by what a line of the table begins with."""
    return {
        (method, rule.rule): rule
        for rule in place.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def urls(place: LivedIn) -> list[tuple[str, Rule]]:
    """Return every address once: of what exists, and of what does not."""
    found = {place.url(rule, known=known): rule for rule in rules(place).values() for known in (True, False)}
    return list(found.items())


def ask(browser: FlaskClient, url: str, method: str = "GET", **more: Any) -> TestResponse:
    """Return the whole answer, with nothing of it left open."""
    answer = browser.open(url, method=method, **more)
    answer.get_data()
    answer.close()
    return answer


def check_answer(place: LivedIn, answer: TestResponse, what: object) -> None:
    """Hold what must be true of an answer to anybody who has no business there."""
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
    assert not place.changed(), what


def check_closed(answer: TestResponse, what: object) -> None:
    """Hold what must be true where only organisers get anything."""
    assert answer.status_code in {303, 400, 401, 403, 404, 405}, what
    assert answer.status_code != 303 or answer.location == "/organise/login", what
    assert answer.headers["Cache-Control"] == "no-store", what


def test_the_table_names_every_route_once_and_no_other(place: LivedIn) -> None:
    listed = [(route.method, route.rule) for route in table()]

    assert sorted(listed) == sorted(rules(place))


def test_a_route_shows_or_changes_something_never_both(place: LivedIn) -> None:
    for rule in place.app.url_map.iter_rules():
        methods = rule.methods or set()
        assert methods <= {"GET", "HEAD", "OPTIONS"} or methods <= {"POST", "OPTIONS"}, rule


def test_the_table_says_who_is_asked_for_a_passphrase(place: LivedIn) -> None:
    for route in table():
        rule = rules(place)[route.method, route.rule]
        is_organisers = rule.endpoint.startswith("organise.")

        assert is_organisers == route.rule.startswith("/organise/")
        assert route.is_guarded == (is_organisers and rule.endpoint not in OPEN), route
        assert route.method == "POST" or route.who != "supporters", route


@pytest.mark.parametrize("method", METHODS)
def test_nobody_gets_or_changes_anything_without_a_session(place: LivedIn, method: str) -> None:
    guarded = {route.rule for route in table() if route.is_guarded}
    browser = place.browser()
    for url, rule in urls(place):
        holds_the_link = place.signed.token in url
        answer = ask(browser, url, method)
        what = method, url, answer.status

        if holds_the_link and method == "GET":  # the signatory's own page says what is held
            assert answer.status_code == 200, what
            assert not place.changed(), what
            continue
        check_answer(place, answer, what)
        if rule.rule in guarded:
            check_closed(answer, what)
        if not rule.endpoint.startswith("organise."):
            assert "Set-Cookie" not in answer.headers, what
        if method not in (*READING, "POST"):
            assert answer.status_code in {303, 405}, what


def test_a_session_that_is_over_forged_or_somebody_elses_opens_nothing(place: LivedIn) -> None:
    guarded = {route.rule for route in table() if route.is_guarded}
    cookies = foreign_cookies(place)
    place.changed()
    for kind, cookie in cookies.items():
        browser = place.browser(cookie)
        for url, rule in urls(place):
            # No view answers to the other methods, whatever the cookie: one kind of it is enough.
            for method in METHODS if rule.rule in guarded and kind == "ended" else ("GET", "POST"):
                if method == "GET" and place.signed.token in url:
                    continue
                answer = ask(browser, url, method)
                what = kind, method, url, answer.status

                check_answer(place, answer, what)
                if rule.rule in guarded:
                    check_closed(answer, what)
                if not rule.endpoint.startswith("organise."):
                    assert "Set-Cookie" not in answer.headers, what
                    assert "Cookie" not in answer.headers.get("Vary", ""), what


def test_the_same_cookie_opens_everything_while_its_session_lasts(place: LivedIn) -> None:
    browser = place.browser(place.cookie(unlock=place.session()))

    for route in table():
        if route.is_guarded and route.method == "GET":
            url = place.url(rules(place)["GET", route.rule])
            assert ask(browser, url).status_code == 200, url
    assert PRIVATE[0] in browser.get("/organise/lists/de.csv").text


@pytest.mark.parametrize("role", [READER, ORGANISER])
def test_a_role_leads_no_further_than_the_table_says(place: LivedIn, role: str) -> None:
    browser = place.browser(place.cookie(unlock=place.session(role), csrf_token="0" * 40))
    token = csrf_token(browser)
    place.changed()
    for route in table():
        if not route.is_guarded:
            continue
        rank = FROM_LEAST_TO_MOST.index
        may = rank(role) >= rank(ROLES[route.who])
        for known in (True, False):
            url = place.url(rules(place)[route.method, route.rule], known=known)
            if route.method == "GET":
                answer = ask(browser, url)
            elif not may:
                answer = ask(browser, url, "POST", data={"csrf_token": token})
            else:
                continue
            assert (answer.status_code == 403) == (not may), (url, answer.status)
            if not may:
                check_answer(place, answer, url)
        place.changed()


def test_a_reader_is_shown_no_name_of_a_signatory(place: LivedIn) -> None:
    browser = place.browser(place.cookie(unlock=place.session(READER)))
    for url, rule in urls(place):
        if "GET" in (rule.methods or set()) and place.signed.token not in url:
            text = ask(browser, url).data.decode(errors="replace")
            assert not [word for word in PRIVATE[:4] if word in text], url


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing_but_the_note_of_a_download_and_a_sessions_last_use(
    place: LivedIn, method: str
) -> None:
    browser = place.browser(place.cookie(unlock=place.session()))
    place.clock.forward(minutes=2)
    place.changed()
    for url, rule in urls(place):
        if "GET" not in (rule.methods or set()):
            continue
        ask(browser, url, method)
        is_list = rule.endpoint == "organise.list_file"
        used = {"organiser_session"} if rule.endpoint.startswith("organise.") else set()

        assert place.changed() <= used | ({"audit_entry"} if is_list else set()), (method, url)


def test_every_answer_is_of_the_type_that_the_table_says(place: LivedIn) -> None:
    browser = place.browser(place.cookie(unlock=place.session()))
    for route in table():
        if route.method != "GET":
            continue
        url = place.url(rules(place)["GET", route.rule])
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


def posts(place: LivedIn, *, guarded: bool) -> list[str]:
    return [
        place.url(rules(place)["POST", route.rule])
        for route in table()
        if route.method == "POST" and route.rule.startswith("/organise/") == guarded
    ]


def test_a_post_that_another_site_made_a_supporters_browser_send_is_refused(place: LivedIn) -> None:
    place.changed()
    for url in posts(place, guarded=False):
        for headers in FOREIGN:
            form = FORM | {"action": "withdraw"}
            answer = place.browser().post(url, data=form, headers=headers)

            assert answer.status_code == 403, (url, headers)
            check_answer(place, answer, (url, headers))
        for headers in ({"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}, {}):
            assert place.browser().post(url, headers=headers).status_code != 403, (url, headers)


def test_a_post_without_its_pages_token_is_refused_whoever_is_logged_in(place: LivedIn) -> None:
    browser = place.browser(place.cookie(unlock=place.session(), csrf_token="0" * 40))
    place.changed()
    for url in posts(place, guarded=True):
        for token in ({}, {"csrf_token": ""}, {"csrf_token": "0" * 40}, {"csrf_token": "a.b.c"}):
            answer = browser.post(url, data={"name": "Mara", "email": "mara@example.org"} | token)

            assert answer.status_code in NO_TOKEN, (url, token)
            assert PRIVATE[0] not in answer.text
            assert not place.changed(), (url, token)


def csrf_token(browser: FlaskClient) -> str:
    """Return the token that the forms of whoever is logged in carry."""
    page = browser.get("/organise/account").text
    [token, *_] = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    return str(token)


def test_a_token_of_another_session_is_refused(place: LivedIn) -> None:
    token = csrf_token(place.browser(place.cookie(unlock=place.session())))
    browser = place.browser(place.cookie(unlock=place.session(), csrf_token="0" * 40))
    place.changed()

    for url in posts(place, guarded=True):
        assert browser.post(url, data={"csrf_token": token}).status_code in NO_TOKEN, url
    assert not place.changed()


@pytest.mark.parametrize(
    "path", ["//elsewhere.example/x", "/fr//elsewhere.example", "/fr/%0d%0aX-A: b", "/\\x"]
)
def test_no_redirect_leads_to_another_site(place: LivedIn, path: str) -> None:
    answer = place.browser().get(path)

    assert "X-A" not in answer.headers
    assert re.match(r"(http://localhost)?/(?![/\\])", answer.headers.get("Location", "/"))
