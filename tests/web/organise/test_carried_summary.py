"""A page that waits for a passphrase says what is done after it: somebody else may have prepared the page."""

from html import unescape
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask_wtf.file import FileField
from sqlalchemy.orm import Session
from wtforms import PasswordField

from campaign.organiser.account import Unlocked
from campaign.organiser.organisation import organisation
from campaign.sealing.server_key import ServerKeys
from campaign.signature import invalidation
from campaign.web.organise import carried_form, reauthentication
from campaign.web.organise.carried_words import ACTS, LABELS, NOT_SHOWN
from campaign.web.organise.signature_key import key_text
from campaign.web.site import Site
from tests.conftest import NOW, Clock
from tests.support.factories import make_delivery, make_organiser, make_signature
from tests.web.conftest import OrganisersBrowser, text
from tests.web.organise.conftest import organisers_routes
from tests.web.organise.test_again import GERMANYS, ORGANISATION, accounts, answer, ask_later, hidden

pytestmark = pytest.mark.any_database

INVITE = "/organise/account/invitations"
MALLORY = {"name": "Mallory Example", "role": "owner"}
LONG = "A word. " * 200

SAID: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "add_organiser": (INVITE, MALLORY, ["Name Mallory Example", "Role Owner"]),
    "adopt": ("/organise/account/adopt", {"link": "7K3M-9QXT"}, ["earlier start", "Setup link not shown"]),
    "allow_erasure": ("/organise/closing/names", {"doubts": "young"}, ["erased for good", "What Names"]),
    "change_key": ("/organise/account/key", {}, ["Change the campaign’s key"]),
    "change_role": (
        "/organise/account/organisers/{organiser}/role",
        {"role": "owner"},
        ["another role", "Account Pavel (Organiser)", "Role Owner"],
    ),
    "change_safety": (
        "/organise/safety/change",
        {"release": ["ru", "by"], "unprotect": "KZ", "sure": "y"},
        ["safety lists", "Names again to Russian Federation; Belarus", "advice for residents of Kazakhstan"],
    ),
    "decide": (
        "/organise/checks",
        {"act": "invalidate", "scope": "all", "state": "fr", "reason": LONG},
        ["which signatures count", "Act Take off the count", "Which All found", "State France", "…"],
    ),
    "erase_by_address": (
        "/organise/requests/erase",
        {"email": "mara@example.org", "keys": ["{key}"], "sure": "y"},
        ["Withdraw and erase", "E-mail address mara@example.org", "Ticked 1: Germany"],
    ),
    "find_by_address": (
        "/organise/requests",
        {"email": "mara@example.org"},
        ["Look for", "mara@example.org"],
    ),
    "import_delegations": (
        "/organise/delegations/import",
        {"file": b"state,email\n"},
        ["Import addresses of delegations", "choose it again"],
    ),
    "make_recovery_code": ("/organise/account/recovery-code", {}, ["new recovery code"]),
    "remove_organiser": (
        "/organise/account/organisers/{organiser}/remove",
        {},
        ["Remove an account", "Account Pavel (Organiser)"],
    ),
    "reopen": ("/organise/closing/reopen", {}, ["Open signing again"]),
    "review_restoration": ("/organise/restored", {}, ["Publish names", "restoration"]),
    "save_delegation": (
        GERMANYS,
        {"email": "mallory@example.net", "source": "a call", "checked_on": "2026-11-20"},
        ["address of a delegation", "State Germany", "mallory@example.net", "Source a call", "2026-11-20"],
    ),
    "save_organisation": (
        "/organise/account/organisation",
        ORGANISATION,
        ["who runs this campaign", *ORGANISATION.values()],
    ),
    "switch_off_codes": ("/organise/account/codes/off", {}, ["Switch off the codes"]),
    "send_delivery": (
        "/organise/deliveries/new/de",
        {"nonce": "x", "letter": "de"},
        ["Send the letter", "State Germany", "Language of letter, cover and list German"],
    ),
    "approve": (
        "/organise/signatures",
        {"kind": "names", "act": "approve", "shown": "waiting", "keys": ["{key}", "{key}"]},
        ["Act Approve", "What Names", "Ticked 2: Germany"],
    ),
    "check_translation": (
        "/organise/languages/de",
        {
            "parts": ["letter/at", "page/home"],
            "asks": "propose",
            "reader": "Anna",
            "checked_on": "2026-11-20",
        },
        ["native reader", "Language German", "Ticked Austria; Home", "Propose a listing", "reader Anna"],
    ),
    "uncheck_translation": (
        "/organise/languages/de/unchecked",
        {"parts": "page/home"},
        ["check back", "Ticked Home"],
    ),
    "end_other_sessions": ("/organise/account/sessions/end", {}, ["End your other sessions"]),
    "find_signatures": (
        "/organise/checks/find",
        {"domain": "example.org", "residence": "FR", "held_for": "network", "stage": "pending"},
        ["Mail domain example.org", "Residence France", "many from one network", "Not confirmed yet"],
    ),
    "look_at_safety": (
        "/organise/safety",
        {"no_names_to": ["kz", "by"], "endangered": "KZ", "more": "TR"},
        ["No names to Kazakhstan; Belarus", "Endangered residences Kazakhstan", "Added Türkiye"],
    ),
    "note_bounce": ("/organise/deliveries/{delivery}/bounce", {}, ["came back", "Delivery Germany"]),
    "note_reply": (
        "/organise/deliveries/{delivery}/reply",
        {"replied_on": "2026-11-20", "note": "They thank us.", "public_reply": "We will answer."},
        ["reply", "Delivery Germany", "Replied on 2026-11-20", "They thank us.", "We will answer."],
    ),
    "note_told": ("/organise/notices/{delivery}", {"numbers": ["1", "7"]}, ["notice", "Germany", "1; 7"]),
    "revoke_invitation": (f"{INVITE}/{uuid4()}/revoke", {}, ["Revoke an invitation", "not found"]),
    "search_signatures": (
        "/organise/signatures/search",
        {"query": "Mara", "kind": "words", "status": "declined"},
        ["Searched for Mara", "Own words", "Declined"],
    ),
    "test_delivery": (
        "/organise/deliveries/new/de/test",
        {"email": "olga@example.org"},
        ["made-up names", "olga@example.org", "State Germany"],
    ),
    "try_recovery_code": ("/organise/account/recovery-code/drill", {"code": "7K3M"}, ["Test your recovery"]),
    "undo_decision": ("/organise/checks/{decision}/undo", {}, ["Undo a decision", "Olga Organiser"]),
}
"""For each post that can be repeated: its path, a form, and what the page says of it."""

ASKED_AGAIN = [
    view for view in SAID if reauthentication.ASKS.get(f"organise.{view}") == reauthentication.VALID_FOR
]
"""Those that ask for the passphrase while the session lasts."""

SECRETS = ("7K3M", "the-token-of-the-page", "words of a passphrase")


@pytest.fixture
def made(db: Session, keys: ServerKeys, owner: Unlocked) -> dict[str, str]:
    """Give ids of what the paths and forms name."""
    row = make_signature(db, keys).row
    pavel = make_organiser(db, owner)
    decision = invalidation.record_decision(db, None, "They are made up.", by=owner.name, now=NOW)
    db.commit()
    found = {"organiser": pavel.id, "decision": decision.id, "delivery": make_delivery(db, [row]).id}
    return {name: str(each) for name, each in found.items()} | {"key": key_text((row.state_code, row.id))}


def filled(form: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
    keys = {"keys": [each.format(**made) for each in form["keys"]]} if "keys" in form else {}
    file = {"file": (BytesIO(form["file"]), "addresses.csv")} if "file" in form else {}
    return form | keys | file | {"passphrase": SECRETS[2], "passphrase_again": SECRETS[2]}


@pytest.mark.parametrize(("views", "minutes"), [([*SAID], 31), (ASKED_AGAIN, 6)], ids=["over", "lasts"])
def test_the_page_says_what_is_done_and_with_which_values(
    organiser: OrganisersBrowser, clock: Clock, made: dict[str, str], views: list[str], minutes: int
) -> None:
    token, cookie = organiser.token(), organiser.client.get_cookie("organiser")
    assert cookie
    clock.forward(minutes=minutes)
    for view in views:
        path, form, said = SAID[view]
        organiser.client.set_cookie("organiser", cookie.value)  # the answer to an ended session removes it
        page = organiser.client.post(path.format(**made), data={"csrf_token": token, **filled(form, made)})

        assert page.status_code == 422, (view, text(page))
        shown = unescape(text(page))
        for each in said:
            assert each in shown, (view, each, shown)
        assert "Do not do this" in shown, view
        assert LONG not in shown, view
        for secret in (*SECRETS, token):
            assert secret not in shown, view


def test_ten_seconds_at_an_unlocked_computer_prepare_no_silent_invitation(
    organiser: OrganisersBrowser, clock: Clock, site: Site
) -> None:
    before = accounts(site)
    prepared = ask_later(organiser, clock, INVITE, **MALLORY)
    assert "Name Mallory Example" in text(prepared)
    assert "Role Owner" in text(prepared)
    wrong = answer(organiser, prepared, passphrase="not the words of olga")
    assert "Name Mallory Example" in text(wrong), "after a wrong passphrase too"

    assert 'href="/organise/">Do not do this</a>' in prepared.text
    assert "Mallory" not in organiser.get("/organise/account").text
    assert accounts(site) == before


def test_the_owner_who_logs_in_again_can_leave_out_what_waits(
    organiser: OrganisersBrowser, clock: Clock, site: Site
) -> None:
    token = organiser.token()
    clock.forward(minutes=31)
    login = organiser.client.post(
        "/organise/account/organisation", data={"csrf_token": token, **ORGANISATION}
    )
    assert 'href="/organise/login">Do not do this</a>' in login.text
    wrong = answer(organiser, login, "/organise/login", name="Olga Organiser", passphrase="not the words")
    assert ORGANISATION["seat"] in text(wrong)

    plain = organiser.get("/organise/login")
    assert not [name for name in hidden(plain) if name != "csrf_token"]
    assert answer(organiser, plain, "/organise/login", name="Olga Organiser").location == "/organise/"
    with site.database.reading() as db:
        assert not organisation(db).name


@pytest.mark.parametrize("path", ["/organise/login", "/organise/again"])
def test_a_page_with_a_download_says_so(organiser: OrganisersBrowser, clock: Clock, path: str) -> None:
    clock.forward(minutes=6 if path.endswith("again") else 31)
    token = organiser.token("/organise/again" if path.endswith("again") else "/organise/login")
    page = organiser.client.post(path, data={"csrf_token": token, "target": "/organise/lists/all.csv"})

    assert "Download a list with names" in text(page)
    assert "State All" in text(page)


def test_a_link_to_the_login_carries_nothing(organiser: OrganisersBrowser, clock: Clock) -> None:
    clock.forward(minutes=31)
    page = organiser.get("/organise/login?target=/organise/lists/all.csv")

    assert "target" not in hidden(page)
    assert "Download" not in text(page)


def test_a_browser_that_never_logged_in_learns_no_name_from_an_id(app: Flask, made: dict[str, str]) -> None:
    stranger = OrganisersBrowser(app)
    page = stranger.post(
        "/organise/login",
        on="/organise/login",
        target=f"/organise/account/organisers/{made['organiser']}/remove",
        method="POST",
    )
    assert "Pavel" not in page.text
    assert "target" not in hidden(page)


def test_what_is_no_form_of_ours_is_not_carried(organiser: OrganisersBrowser) -> None:
    for target in ("/organise/logout", "/en/letters/de", "//elsewhere.example/", "x"):
        page = organiser.post("/organise/again", target=target, method="POST")
        assert page.status_code == 422
        assert "target" not in hidden(page), target


def test_an_unknown_account_is_named_as_such(organiser: OrganisersBrowser, clock: Clock) -> None:
    nobody = UUID(int=7)
    page = ask_later(organiser, clock, f"/organise/account/organisers/{nobody}/remove")

    assert "Account not found" in text(page)


def test_a_field_without_a_label_is_shown_under_its_own_name(
    organiser: OrganisersBrowser, clock: Clock
) -> None:
    page = ask_later(organiser, clock, "/organise/account/key", surprise="Mallory")

    assert "surprise Mallory" in text(page)


def test_each_route_that_a_passphrase_may_lead_to_has_its_words(app: Flask) -> None:
    repeated = [
        rule
        for rule, method in organisers_routes(app)
        if carried_form.can_be_repeated(rule.endpoint, method=method)
    ]
    assert {rule.endpoint for rule in repeated} == set(ACTS)
    assert set().union(*(rule.arguments for rule in repeated)) <= set(LABELS)
    posts = {rule.endpoint for rule in repeated if "POST" in (rule.methods or ())}
    assert posts == {f"organise.{view}" for view in SAID}


def test_each_field_of_a_form_that_can_be_carried_has_a_label(app: Flask) -> None:
    from tests.web.test_anything_sent import forms

    never = {"csrf_token", "code", "secret"}
    with app.test_request_context():
        names = {
            field.name
            for form in forms()
            if form.__module__.startswith("campaign.web.organise.")
            for field in form(meta={"csrf": False})
            if not isinstance(field, PasswordField | FileField)
        }
    assert names - never <= set(LABELS) | NOT_SHOWN
