"""The campaign's key is changed when somebody who held it leaves, and when an owner asks for it."""

import pytest
from flask import Flask
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from campaign.organiser import membership
from campaign.organiser.account import Unlocked
from campaign.organiser.campaign_key_change import change_campaign_key, is_due
from campaign.organiser.recovery import make_recovery_code
from campaign.organiser.session import OrganiserSession
from campaign.sealing.campaign_key import current_key
from campaign.sealing.server_key import ServerKeys
from campaign.web.site import Site
from tests.conftest import NOW, Clock
from tests.support.factories import make_organiser, make_signature
from tests.web.conftest import OrganisersBrowser, text

pytestmark = pytest.mark.any_database


@pytest.fixture
def leaver(db: Session, owner: Unlocked) -> Unlocked:
    return make_organiser(db, owner, name="Pavel")


@pytest.fixture
def named(db: Session, keys: ServerKeys, owner: Unlocked) -> None:
    make_signature(db, keys, name="Mara Example")


def key(site: Site) -> bytes:
    with site.database.reading() as db:
        return current_key(db).public_key


def sees_names(browser: OrganisersBrowser) -> bool:
    return "Mara Example" in browser.get("/organise/lists/de.csv").get_data(as_text=True)


@pytest.mark.both_databases
@pytest.mark.usefixtures("named")
def test_removing_an_organiser_changes_the_key_and_the_owner_goes_on(
    organiser: OrganisersBrowser, site: Site, leaver: Unlocked
) -> None:
    before = key(site)
    answer = organiser.post(f"/organise/account/organisers/{leaver.id}/remove")

    assert answer.status_code == 303
    assert key(site) != before
    assert sees_names(organiser)


@pytest.mark.usefixtures("named")
def test_making_an_organiser_a_reader_changes_the_key(
    organiser: OrganisersBrowser, app: Flask, site: Site, leaver: Unlocked
) -> None:
    before = key(site)
    answer = organiser.post(f"/organise/account/organisers/{leaver.id}/role", role="reader")

    assert answer.status_code == 303
    assert key(site) != before
    assert sees_names(organiser)


@pytest.mark.usefixtures("named")
def test_an_owner_changes_the_key_and_the_others_log_in_again(
    organiser: OrganisersBrowser, app: Flask, site: Site, leaver: Unlocked
) -> None:
    other = OrganisersBrowser(app)
    assert other.log_in("Pavel").status_code == 303
    assert sees_names(other)
    before = key(site)

    assert organiser.post("/organise/account/key").status_code == 303
    assert key(site) != before
    assert sees_names(organiser)
    assert other.get("/organise/").status_code == 303
    assert other.log_in("Pavel").status_code == 303
    assert sees_names(other)


def test_changing_the_key_asks_for_the_passphrase_again_and_does_not_count_as_an_answer(
    organiser: OrganisersBrowser, site: Site, clock: Clock
) -> None:
    clock.forward(minutes=4)
    assert organiser.post("/organise/account/key").status_code == 303
    changed = key(site)
    clock.forward(minutes=2)

    answer = organiser.post("/organise/account/key")
    assert "passphrase" in text(answer).lower()
    assert key(site) == changed


@pytest.mark.parametrize(
    ("url", "form"),
    [("key", {}), ("invitations", {"name": "Ina Invited", "role": "organiser"}), ("recovery-code", {})],
    ids=["change the key", "invite", "make a recovery code"],
)
def test_a_session_that_began_while_another_organiser_changed_the_key_logs_in_again(
    organiser: OrganisersBrowser, db: Session, owner: Unlocked, url: str, form: dict[str, str]
) -> None:
    [stored] = db.scalars(select(OrganiserSession)).all()
    row = {column.name: getattr(stored, column.name) for column in OrganiserSession.__table__.columns}
    change_campaign_key(db, owner, now=NOW)
    db.execute(insert(OrganiserSession), [row])
    db.commit()

    answer = organiser.post(f"/organise/account/{url}", **form)
    assert (answer.status_code, answer.location) == (303, "/organise/login")
    assert organiser.get("/organise/account").location == "/organise/login"
    assert organiser.log_in().status_code == 303
    assert organiser.post(f"/organise/account/{url}", **form).status_code < 400


@pytest.mark.usefixtures("named")
def test_after_a_removal_at_the_command_line_the_overview_says_so_and_the_next_login_changes_the_key(
    organiser: OrganisersBrowser, db: Session, app: Flask, site: Site, leaver: Unlocked
) -> None:
    membership.remove(db, leaver.id, now=NOW)
    db.commit()
    before = key(site)
    assert "has left" in text(organiser.get("/organise/"))
    assert key(site) == before

    browser = OrganisersBrowser(app)
    assert browser.log_in().status_code == 303
    assert key(site) != before
    assert sees_names(browser)
    assert "has left" not in text(browser.get("/organise/"))


def test_an_owner_who_makes_herself_a_reader_leaves_the_change_to_the_next_login(
    organiser: OrganisersBrowser, db: Session, owner: Unlocked, site: Site
) -> None:
    second = make_organiser(db, owner, name="Zora", role="owner")
    make_recovery_code(db, second, now=NOW)
    db.commit()

    answer = organiser.post(f"/organise/account/organisers/{owner.id}/role", role="reader")

    assert answer.status_code == 303
    with site.database.reading() as reading:
        assert is_due(reading)
