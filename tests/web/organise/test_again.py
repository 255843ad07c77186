"""What can cost everything asks for the passphrase again, and a form that waits for one loses nothing."""

import re
from html import unescape
from io import BytesIO
from typing import Any

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse
from wtforms import PasswordField

from campaign.delivery.delegation import Delegation
from campaign.organiser.account import Organiser
from campaign.organiser.organisation import organisation
from campaign.organiser.session import OrganiserSession
from campaign.sealing.server_key import ServerKeys
from campaign.web.organise import reauthentication
from campaign.web.organise.carried_form import TYPED
from campaign.web.organise.permission import allows
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.factories import PASSPHRASE, make_signature
from tests.web.conftest import OrganisersBrowser, rows
from tests.web.organise.conftest import organisers_routes, url
from tests.web.organise.test_account import switch_on

pytestmark = pytest.mark.any_database

RECOVERY = "/organise/account/recovery-code"
LIST = "/organise/lists/de.csv"
ORGANISATION = {"name": "Example Foundation", "seat": "Exampletown", "contact": "office@example.org"}
GERMANYS = "/organise/delegations/de"
WRONG = "not the words of olga today"
ADDRESS = {"email": "de@missions.example.org", "source": "a call", "checked_on": "2026-11-20"}


def hidden(page: TestResponse) -> dict[str, list[str]]:
    """Return the hidden fields of the main part of the page, each with its values."""
    found: dict[str, list[str]] = {}
    main = page.text.partition("</main>")[0]
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', main):
        if name != "csrf_token" or name not in found:
            found.setdefault(unescape(name), []).append(unescape(value))
    return found


def answer(
    browser: OrganisersBrowser, page: TestResponse, to: str = "/organise/again", **form: str
) -> TestResponse:
    """Post the form of *page* with a passphrase."""
    return browser.client.post(to, data=hidden(page) | {"passphrase": PASSPHRASE} | form)


def ask_later(browser: OrganisersBrowser, clock: Clock, url: str, **form: Any) -> TestResponse:
    """Post *form* six minutes after the login."""
    token = browser.token()
    clock.forward(minutes=6)
    return browser.client.post(url, data={"csrf_token": token, **form})


def accounts(site: Site) -> int:
    with site.database.reading() as db:
        return len(db.scalars(select(Organiser)).all())


def test_every_post_asks_or_says_why_not(app: Flask) -> None:
    posts = {rule.endpoint for rule, method in organisers_routes(app) if method == "POST"}
    asks = set(reauthentication.ASKS) - {"organise.list_file"}
    groups = (asks, reauthentication.ASKS_IN_ITS_FORM, set(reauthentication.HARMLESS))

    assert posts == set().union(*groups)
    assert sum(len(group) for group in groups) == len(posts), "in two lists"
    assert all(reauthentication.HARMLESS.values())


def test_every_organisers_file_with_names_asks(
    app: Flask, organiser: OrganisersBrowser, ids: dict[str, Any]
) -> None:
    without_names = {"organise.delegations_template"}
    for rule, method in organisers_routes(app):
        if method == "GET" and rule.endpoint not in without_names:
            is_page = organiser.get(url(rule, ids)).mimetype == "text/html"
            assert is_page != (rule.endpoint in reauthentication.ASKS), rule


def test_ten_seconds_at_an_unlocked_computer_change_nothing(
    app: Flask,
    site: Site,
    clock: Clock,
    others: dict[str, OrganisersBrowser],
    ids: dict[str, Any],
) -> None:
    clock.forward(minutes=29)
    for role, browser in others.items():
        browser.get("/organise/account")  # notes the use
        before, token = rows(site), browser.token()
        for rule, method in organisers_routes(app):
            if rule.endpoint in reauthentication.ASKS.keys() - {"organise.send_delivery"}:
                sent = browser.client.open(url(rule, ids), method=method, data={"csrf_token": token})
                is_allowed = allows(role, rule.endpoint)
                refused = 303 if method == "GET" else 422
                assert sent.status_code == (refused if is_allowed else 403), (role, rule)
                assert sent.status_code != 303 or sent.location.startswith("/organise/again"), (role, rule)
        assert rows(site) == before


def test_an_answer_is_good_for_five_minutes(organiser: OrganisersBrowser, clock: Clock) -> None:
    clock.forward(minutes=4, seconds=59)
    assert organiser.post(RECOVERY).status_code == 200
    clock.forward(seconds=2)
    assert organiser.post(RECOVERY).status_code == 422
    assert organiser.post("/organise/again", passphrase=PASSPHRASE).status_code == 303
    clock.forward(minutes=4, seconds=59)
    assert organiser.post(RECOVERY).status_code == 200
    clock.forward(minutes=-30)
    assert organiser.get(LIST).status_code == 303, "the clock was set back"


@pytest.mark.both_databases
def test_a_form_that_waits_for_the_passphrase_loses_nothing(
    organiser: OrganisersBrowser, site: Site, clock: Clock
) -> None:
    asked = ask_later(organiser, clock, "/organise/account/organisation", **ORGANISATION)
    assert asked.status_code == 422
    assert "Nothing was changed yet" in asked.text
    with site.database.reading() as db:
        assert not organisation(db).name
    wrong = answer(organiser, asked, passphrase=WRONG)
    assert wrong.status_code == 422
    assert "This is not your passphrase" in wrong.text

    saved = answer(organiser, wrong)

    assert (saved.status_code, saved.location) == (303, "/organise/account")
    with site.database.reading() as db:
        assert vars(organisation(db)) == ORGANISATION


def test_fields_with_many_values_and_with_the_names_of_ours_are_carried(
    organiser: OrganisersBrowser, clock: Clock
) -> None:
    keys = ["de.1", "fr.2"]
    typed = {
        "act": "invalidate",
        "scope": "chosen",
        "keys": keys,
        "target": "/x",
        "passphrase": "secret words",
        "code": "123456",
    }
    asked = hidden(ask_later(organiser, clock, "/organise/checks", **typed))

    assert asked[f"{TYPED}keys"] == keys
    assert asked["target"] == ["/organise/checks"]
    assert asked[f"{TYPED}target"] == ["/x"]
    assert not [name for name in asked if "passphrase" in name or name.endswith("code")]


def test_every_passphrase_field_is_called_one(app: Flask) -> None:
    """So that no page carries it."""
    from tests.web.test_anything_sent import forms

    with app.test_request_context():
        fields = [field for form in forms() for field in form(meta={"csrf": False})]
    names = [field.name for field in fields if isinstance(field, PasswordField)]
    assert "passphrase" in names
    assert all("passphrase" in name for name in names)


def test_a_download_asks_and_then_begins(organiser: OrganisersBrowser, clock: Clock) -> None:
    clock.forward(minutes=6)
    asked = organiser.get(LIST)
    assert (asked.status_code, asked.location) == (303, "/organise/again?target=/organise/lists/de.csv")
    done = answer(organiser, organiser.get(asked.location))

    assert done.status_code == 200
    assert done.headers["Refresh"] == f"0; url={LIST}"
    assert f'href="{LIST}"' in done.text
    assert organiser.get(LIST).mimetype == "text/csv"


TARGETS = [
    "https://elsewhere.example/",
    "//elsewhere.example/",
    "/en/",
    "/organise/logout",
    "/organise/../en/",
    "/\\x",
    "x",
    "/organise/account",
]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_leads_from_the_passphrase_to_what_did_not_ask(
    organiser: OrganisersBrowser, method: str
) -> None:
    for target in TARGETS:
        done = organiser.post("/organise/again", passphrase=PASSPHRASE, target=target, method=method)

        assert (done.status_code, done.location) == (303, "/organise/"), target


def test_what_waits_is_not_done_for_another_role(others: dict[str, OrganisersBrowser], site: Site) -> None:
    before = accounts(site)
    done = others["reader"].post(
        "/organise/again",
        passphrase=PASSPHRASE,
        target="/organise/account/invitations",
        method="POST",
        **{f"{TYPED}role": "owner"},
    )
    assert done.status_code == 403
    assert "This is not for your role" in done.text
    file = others["reader"].post("/organise/again", passphrase=PASSPHRASE, target=LIST)
    assert file.status_code == 403
    assert accounts(site) == before


def test_a_file_is_to_be_chosen_again(organiser: OrganisersBrowser, clock: Clock, site: Site) -> None:
    file = b"state,email,source,checked_on\nde,de@missions.example.org,a call,2026-11-20\n"
    url = "/organise/delegations/import"
    asked = ask_later(organiser, clock, url, file=(BytesIO(file), "addresses.csv"))
    assert "choose it again" in asked.text
    again = answer(organiser, asked)
    assert again.status_code == 422
    assert 'type="file"' in again.text

    organiser.post(url, file=(BytesIO(file), "addresses.csv"))

    with site.database.reading() as db:
        assert db.get_one(Delegation, "de").email == "de@missions.example.org"


def test_the_code_is_asked_for_too_and_works_once(organiser: OrganisersBrowser, clock: Clock) -> None:
    secret, _status = switch_on(organiser, clock)
    asked = ask_later(organiser, clock, RECOVERY)
    code = pyotp.TOTP(secret).at(clock())

    assert answer(organiser, asked).status_code == 422
    assert answer(organiser, asked, code="000000").status_code == 422
    assert answer(organiser, asked, code=code).status_code == 200
    clock.forward(minutes=6)
    assert answer(organiser, organiser.get("/organise/again"), code=code).status_code == 422


def test_a_form_that_is_too_long_to_be_read_gets_an_error_page(organiser: OrganisersBrowser) -> None:
    for path in ("/organise/requests", "/organise/again", "/organise/login"):
        assert organiser.client.post(path, data={"target": "x" * 300_000}).status_code == 413


@pytest.mark.both_databases
def test_a_form_that_was_open_for_31_minutes_loses_nothing(
    organiser: OrganisersBrowser, clock: Clock, site: Site
) -> None:
    token = organiser.token()
    clock.forward(minutes=31)
    login = organiser.client.post(GERMANYS, data={"csrf_token": token, **ADDRESS})
    assert login.status_code == 422
    assert "You were logged out meanwhile" in login.text
    wrong = answer(organiser, login, "/organise/login", name="Olga Organiser", passphrase=WRONG)
    assert wrong.status_code == 422

    saved = answer(organiser, wrong, "/organise/login", name="Olga Organiser")

    assert (saved.status_code, saved.location) == (303, "/organise/delegations")
    with site.database.reading() as db:
        assert db.get_one(Delegation, "de").email == ADDRESS["email"]


def test_the_page_of_an_expired_session_has_nothing_but_what_its_browser_sent(
    organiser: OrganisersBrowser,
    clock: Clock,
    ids: dict[str, Any],
) -> None:
    token = organiser.token()
    clock.forward(minutes=31)
    login = organiser.client.post("/organise/signatures/search", data={"csrf_token": token, "query": "typed"})

    assert hidden(login)[f"{TYPED}query"] == ["typed"]
    assert "Mara" not in login.text
    assert "Olga" not in login.text


def test_another_organiser_does_not_send_what_the_first_one_typed(
    others: dict[str, OrganisersBrowser],
    organiser: OrganisersBrowser,
    clock: Clock,
    site: Site,
) -> None:
    token = organiser.token()
    clock.forward(minutes=31)
    login = organiser.client.post(GERMANYS, data={"csrf_token": token, **ADDRESS})

    other = answer(organiser, login, "/organise/login", name="Robin Owner")

    assert (other.status_code, other.location) == (303, "/organise/")
    assert "was not sent" in organiser.get("/organise/").text
    with site.database.reading() as db:
        assert db.get(Delegation, "de") is None


def test_a_session_that_ends_while_the_passphrase_is_asked_loses_nothing(
    organiser: OrganisersBrowser, clock: Clock, site: Site
) -> None:
    asked = ask_later(organiser, clock, GERMANYS, **ADDRESS)
    clock.forward(minutes=31)
    login = answer(organiser, asked)
    assert login.status_code == 422
    assert answer(organiser, login, "/organise/login", name="Olga Organiser").status_code == 303

    with site.database.reading() as db:
        assert db.get_one(Delegation, "de").email == ADDRESS["email"]


def test_a_form_stays_valid_when_the_same_organiser_logs_in_again_in_another_tab(
    organiser: OrganisersBrowser,
    clock: Clock,
    others: dict[str, OrganisersBrowser],
) -> None:
    token = organiser.token()
    clock.forward(minutes=31)
    assert organiser.get("/organise/").status_code == 303
    organiser.log_in()
    assert organiser.client.post(GERMANYS, data={"csrf_token": token, **ADDRESS}).status_code == 303
    clock.forward(minutes=31)
    organiser.log_in("Robin Owner")

    assert organiser.client.post(GERMANYS, data={"csrf_token": token, **ADDRESS}).status_code == 400


SEARCHES: list[tuple[str, str, dict[str, str]]] = [
    ("POST", "/organise/checks/find", {"state": "de"}),
    ("GET", "/organise/checks?state=de", {}),
    ("POST", "/organise/signatures/search", {"query": "Signatory", "kind": "names"}),
    ("GET", "/organise/signatures?kind=names&state=de", {}),
    ("GET", "/organise/deliveries/new/de", {}),
    ("POST", "/organise/deliveries/new/de/test", {}),
]
"""What shows names without asking each time."""


@pytest.mark.both_databases
def test_beyond_some_names_the_next_page_with_names_asks(
    monkeypatch: pytest.MonkeyPatch,
    organiser: OrganisersBrowser,
    clock: Clock,
    db: Session,
    keys: ServerKeys,
) -> None:
    for number in range(3):
        make_signature(db, keys, name=f"Signatory {number}", disclosure="public")
    make_signature(db, keys, name="Signatory of the list")
    monkeypatch.setattr(reauthentication, "MOST_NAMES", 6)
    token = organiser.token()
    clock.forward(minutes=6)
    for _ in range(2):
        assert "Signatory 2" in organiser.client.get("/organise/signatures").text

    for method, path, typed in SEARCHES:
        asked = organiser.client.open(path, method=method, data={"csrf_token": token, **typed})
        assert not re.search(r"Signatory (\d|of)", asked.text), path
        if method == "GET":
            assert asked.location.startswith("/organise/again?target="), path
            asked = organiser.get(asked.location)
        again = answer(organiser, asked)
        assert again.status_code != 303 or again.location == path, "the query is kept"
        shown = organiser.get(path) if method == "GET" else again
        assert re.search(r"Signatory (2|of the list)", shown.text), path
        for _ in range(2):
            organiser.get("/organise/signatures")
        clock.forward(minutes=6)


def test_who_has_just_given_the_passphrase_sees_any_number_of_names(
    monkeypatch: pytest.MonkeyPatch, organiser: OrganisersBrowser, db: Session, keys: ServerKeys
) -> None:
    make_signature(db, keys, name="Mara Example", disclosure="public")
    monkeypatch.setattr(reauthentication, "MOST_NAMES", 1)

    for _ in range(3):
        assert "Mara Example" in organiser.get("/organise/signatures").text


@pytest.mark.both_databases
@pytest.mark.parametrize("column", ["answered_at", "began_at", "names_shown"])
def test_a_session_that_was_edited_in_the_database_is_over(
    organiser: OrganisersBrowser, db: Session, clock: Clock, column: str
) -> None:
    clock.forward(minutes=10)
    value = -1000 if column == "names_shown" else clock()
    db.execute(update(OrganiserSession).values({column: value}))
    db.commit()

    assert organiser.get(LIST).location == "/organise/login"
