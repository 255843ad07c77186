"""Rows that somebody edited in the database, over HTTP: a clear sentence, and nothing signed or delivered."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text as sql
from sqlalchemy import update
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.delivery import delegation
from campaign.delivery.delegation import Address
from campaign.organiser.account import Organiser, Unlocked
from campaign.organiser.organisation import Organisation, save_organisation
from campaign.sealing import box
from campaign.sealing.campaign_key import CampaignKey, current_key
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature
from campaign.web.site import Site
from tests.conftest import NOW
from tests.support.factories import make_signature
from tests.web.conftest import OrganisersBrowser, Supporter, text


def written(db: Session, statement: Any) -> None:
    """Write to the database as an attacker does."""
    db.execute(statement)
    db.commit()


def test_no_signature_is_taken_with_a_forged_key(
    app: Flask, db: Session, client: FlaskClient, supporter: Supporter, organiser: OrganisersBrowser
) -> None:
    written(db, update(CampaignKey).where(CampaignKey.is_current).values(public_key=box.new_pair()[1]))

    assert supporter.sign().status_code == 503
    assert db.query(Signature).count() == 0
    db.rollback()  # SQLite has one writer, and a login writes
    assert client.get("/healthz").get_json()["key"] == "forged"
    assert "Somebody changed the database without the server’s key" in text(organiser.get("/organise/"))
    answer = OrganisersBrowser(app).log_in()
    assert answer.status_code == 422
    assert "or the campaign’s key, in the database" in text(answer)


def test_no_signature_is_taken_with_an_earlier_key_until_an_organiser_logs_in(
    app: Flask, site: Site, client: FlaskClient, supporter: Supporter, owner: Unlocked
) -> None:
    with site.database.writing() as db:
        key = current_key(db).id
        journal.record(db, journal.CHANGE_KEY, key=key)

    assert supporter.sign().status_code == 503
    assert client.get("/healthz").get_json()["key"] == "replaced"
    assert OrganisersBrowser(app).log_in().status_code == 303

    assert supporter.sign().status_code == 303
    assert client.get("/healthz").get_json()["key"] == "ok"
    with site.database.reading() as db:
        assert db.query(Signature.key_id).scalar() not in (key, None)


def test_an_edited_account_is_logged_out_and_told_why(
    app: Flask, db: Session, others: dict[str, OrganisersBrowser]
) -> None:
    written(db, update(Organiser).where(Organiser.name == "Robin Organiser").values(role="owner"))

    assert others["organiser"].get("/organise/safety").location == "/organise/login"
    assert "Somebody changed this account" in text(OrganisersBrowser(app).log_in("Robin Organiser"))
    assert "account: Robin Organiser" in text(others["owner"].get("/organise/"))


def test_an_owner_stores_edited_safety_lists_again(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser
) -> None:
    save_organisation(db, Organisation("Example Foundation", "Exampletown", "office@example.org"))
    delegation.save(db, Address("de", "de@missions.example.org", "a call", NOW.date()), by="Olga", now=NOW)
    waiting = make_signature(db, keys, disclosure="public")
    written(db, sql("UPDATE site SET content = replace(content, 'uz', 'fr') WHERE name = 'safety'"))

    assert "Somebody changed the safety lists" in text(organiser.get("/organise/deliveries/new/de"))
    key = f"de:{waiting.row.id.hex}"
    form = {"kind": "names", "act": "approve", "status": "waiting", "shown": "waiting", "keys": key}
    answer = organiser.post("/organise/signatures", on="/organise/signatures", **form)
    assert answer.status_code == 303
    assert "Nothing is published" in text(organiser.get("/organise/signatures"))
    assert db.query(Signature.public_name).scalar() is None
    db.rollback()
    page = organiser.get("/organise/safety")
    assert "Somebody changed these lists" in text(page)

    assert organiser.post("/organise/safety/change", on="/organise/safety").status_code == 303
    assert "Somebody changed these lists" not in text(organiser.get("/organise/safety"))
    assert "Altered safety lists stored again" in text(organiser.get("/organise/audit"))
