"""An organiser sees who else uses the account, ends that, and learns what happened since the last login."""

import re

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.organiser.account import Organiser, Unlocked
from campaign.organiser.audit_log import LOOK, AuditEntry
from campaign.sealing.server_key import ServerKeys
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.factories import PASSPHRASE, make_signature
from tests.web.conftest import OrganisersBrowser, text
from tests.web.organise.test_account import RECOVERY_CODE, switch_on

pytestmark = pytest.mark.any_database

CHANGE = "/organise/account/passphrase"
INVITATIONS = "/organise/account/invitations"
NEW = "seven fresh words for olga today"


def change(browser: OrganisersBrowser, **changes: str) -> int:
    form = {"present_passphrase": PASSPHRASE, "passphrase": NEW, "passphrase_again": NEW} | changes
    return browser.post(CHANGE, on=CHANGE, **form).status_code


def looks(site: Site) -> list[str]:
    with site.database.reading() as db:
        return sorted(db.scalars(select(AuditEntry.about).where(AuditEntry.act == LOOK)))


def invite(browser: OrganisersBrowser, name: str = "Robin", role: str = "reader") -> str:
    """Invite somebody; return the path of the link."""
    page = browser.post(INVITATIONS, name=name, role=role).text
    found = re.search(r"/organise/setup/[0-9A-Z]{20}", page)
    assert found
    return found[0]


def test_sessions_elsewhere_are_listed_and_ended(
    organiser: OrganisersBrowser, app: Flask, clock: Clock
) -> None:
    elsewhere = OrganisersBrowser(app)
    clock.forward(minutes=3)
    elsewhere.log_in()
    page = text(organiser.get("/organise/account"))
    assert page.count("last used at") == 2
    assert page.count("this session") == 1
    organiser.post("/organise/account/sessions/end")

    assert elsewhere.get("/organise/").status_code == 303
    assert text(organiser.get("/organise/account")).count("last used at") == 1


def test_sessions_of_others_are_neither_listed_nor_ended(
    organiser: OrganisersBrowser, others: dict[str, OrganisersBrowser]
) -> None:
    assert text(organiser.get("/organise/account")).count("last used at") == 1
    organiser.post("/organise/account/sessions/end")

    assert others["owner"].get("/organise/").status_code == 200


@pytest.mark.both_databases
def test_a_changed_passphrase_opens_the_names_and_the_former_one_nothing(
    organiser: OrganisersBrowser, app: Flask, db: Session, keys: ServerKeys, owner: Unlocked
) -> None:
    make_signature(db, keys, name="Mara Example", disclosure="public")
    elsewhere = OrganisersBrowser(app)
    elsewhere.log_in()
    before = db.get_one(Organiser, owner.id).public_key
    db.rollback()
    code = re.search(RECOVERY_CODE, organiser.post("/organise/account/recovery-code").text)
    assert code
    assert change(organiser) == 303

    assert "Mara Example" in organiser.get("/organise/signatures").text, "this session goes on"
    assert elsewhere.get("/organise/").status_code == 303, "others end"
    assert OrganisersBrowser(app).log_in().status_code == 422
    fresh = OrganisersBrowser(app)
    assert fresh.log_in(passphrase=NEW).status_code == 303
    assert "Mara Example" in fresh.get("/organise/signatures").text
    drill = "/organise/account/recovery-code/drill"
    assert fresh.post(drill, on=drill, code=code[0]).status_code == 303, "the recovery code stays valid"
    assert db.get_one(Organiser, owner.id, populate_existing=True).public_key != before


def test_a_passphrase_is_changed_with_the_present_one_and_the_code_alone(
    organiser: OrganisersBrowser, app: Flask, clock: Clock
) -> None:
    secret, _status = switch_on(organiser, clock)
    clock.forward(minutes=1)
    code = pyotp.TOTP(secret).at(clock())
    assert change(organiser) == 422
    assert change(organiser, code="000000") == 422
    assert change(organiser, code=code, present_passphrase="not this one at all") == 422
    assert (
        change(organiser, code=code, passphrase="password password", passphrase_again="password password")
        == 422
    )
    assert change(organiser, code=code) == 303

    assert OrganisersBrowser(app).log_in(passphrase=NEW, code=code).status_code == 422, "used"
    clock.forward(minutes=1)
    later = pyotp.TOTP(secret).at(clock())
    assert OrganisersBrowser(app).log_in(passphrase=NEW).status_code == 422
    assert OrganisersBrowser(app).log_in(passphrase=NEW, code=later).status_code == 303


def test_a_reader_changes_the_passphrase_too(others: dict[str, OrganisersBrowser], app: Flask) -> None:
    assert change(others["reader"]) == 303
    assert OrganisersBrowser(app).log_in("Robin Reader", NEW).status_code == 303


@pytest.mark.both_databases
def test_pending_invitations_are_listed_and_revoked(
    organiser: OrganisersBrowser, app: Flask, clock: Clock
) -> None:
    first, second = invite(organiser), invite(organiser, "Pavel", "organiser")
    page = organiser.get("/organise/account")
    assert re.search(r"Pavel organiser, invited by Olga Organiser, until .*30.* Revoke", text(page)), text(
        page
    )[-900:]
    revoke = re.findall(r'action="([^"]+/revoke)"', page.text)
    assert len(revoke) == 2

    assert organiser.post(revoke[0]).status_code == 303
    organiser.post(revoke[0])
    assert "used or revoked before" in text(organiser.get("/organise/account"))

    statuses = sorted(app.test_client().get(link).status_code for link in (first, second))
    assert statuses == [200, 404]
    clock.forward(days=8)
    organiser.log_in()
    assert "invited by" not in text(organiser.get("/organise/account"))


def test_only_owners_see_and_revoke_invitations(others: dict[str, OrganisersBrowser]) -> None:
    invite(others["owner"], "Pavel")
    [revoke] = re.findall(r'action="([^"]+/revoke)"', others["owner"].get("/organise/account").text)

    assert "Pavel" not in others["organiser"].get("/organise/account").text
    assert others["organiser"].post(revoke).status_code == 403


@pytest.mark.both_databases
def test_what_happened_since_the_last_login_is_shown_once(
    organiser: OrganisersBrowser, app: Flask, others: dict[str, OrganisersBrowser], clock: Clock
) -> None:
    organiser.post("/organise/logout")
    clock.forward(minutes=1)
    thief = OrganisersBrowser(app)
    thief.log_in()
    clock.forward(seconds=5)
    thief.post("/organise/account/recovery-code")
    clock.forward(minutes=1)
    invite(others["owner"], "Pavel")
    clock.forward(minutes=1)
    organiser.log_in()
    shown = text(organiser.get("/organise/"))

    assert "Since you last logged in, on 23 Nov 2026, 12:01 (UTC)" in shown
    assert "Robin Owner : Somebody invited, Pavel: reader" in shown
    assert "Olga Organiser : Recovery code made" in shown
    assert "Since you last logged in" not in text(organiser.get("/organise/"))


def test_a_login_by_somebody_else_is_shown(organiser: OrganisersBrowser, app: Flask, clock: Clock) -> None:
    for _ in range(2):
        clock.forward(minutes=1)
        OrganisersBrowser(app).log_in()
    clock.forward(minutes=1)
    mine = OrganisersBrowser(app)
    mine.log_in()

    assert "nobody else logged in as you" in text(mine.get("/organise/"))
    assert "last used at" in text(mine.get("/organise/account"))


def test_wrong_codes_after_the_right_passphrase_are_shown(
    organiser: OrganisersBrowser, app: Flask, clock: Clock
) -> None:
    secret, _status = switch_on(organiser, clock)
    for _ in range(2):
        clock.forward(seconds=30)
        assert OrganisersBrowser(app).log_in(code="000000").status_code == 422
    clock.forward(minutes=31)
    organiser.log_in(code=pyotp.TOTP(secret).at(clock()))

    assert "Wrong code entered (2 ×)" in text(organiser.get("/organise/"))


def test_nothing_unusual_is_said_too(organiser: OrganisersBrowser, clock: Clock) -> None:
    clock.forward(minutes=31)
    organiser.log_in()

    assert "No account, role, invitation or recovery code was changed" in text(organiser.get("/organise/"))


@pytest.mark.both_databases
def test_each_page_with_names_is_logged_with_their_number(
    organiser: OrganisersBrowser, db: Session, keys: ServerKeys, site: Site
) -> None:
    organiser.get("/organise/signatures")
    assert looks(site) == [], "without a name on it"
    make_signature(db, keys, name="Mara Example", disclosure="public")
    make_signature(db, keys, name="Nils Example")
    for _ in range(2):
        assert "Mara Example" in organiser.get("/organise/signatures").text
    assert looks(site) == ["approvals: 1", "approvals: 1"]
    organiser.post("/organise/signatures/search", query="nobody")
    organiser.post("/organise/checks/find", domain="example.net")
    assert len(looks(site)) == 2, "what a search opens and does not show is not seen"
    organiser.post("/organise/signatures/search", query="mara")
    organiser.post("/organise/checks/find", state="de")
    organiser.get("/organise/checks?state=de")
    organiser.get("/organise/deliveries/new/de")

    preview = "preview of a delivery: 1"
    assert looks(site)[2:] == ["checks: 2", "checks: 2", preview, "search: 1"]
    assert "Names looked at" in text(organiser.get("/organise/audit"))
