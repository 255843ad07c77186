"""After a restoration nothing is published or delivered until an owner has looked."""

from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from campaign.database.restoration import Restoration, mark, unreviewed
from campaign.delivery.delegation import Address, save
from campaign.disclosure import approval
from campaign.organiser import audit_log
from campaign.organiser.account import Unlocked
from campaign.organiser.organisation import Organisation, save_organisation
from campaign.sealing.key_ring import key_ring
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import PUBLIC
from campaign.web.site import Site
from tests.conftest import NOW
from tests.support.factories import make_signature
from tests.web.conftest import OrganisersBrowser, text

pytestmark = pytest.mark.any_database

PAGE = "/organise/restored"


@pytest.fixture
def published(db: Session, keys: ServerKeys, owner: Unlocked) -> None:
    """Publish a name, make a delivery ready, and restore."""
    made = make_signature(db, keys, name="Mara Example", disclosure=PUBLIC)
    key = made.row.state_code, made.row.id
    approval.approve_names(db, [key], key_ring(db, owner.campaign_private_key), shown=None)
    save_organisation(db, Organisation("Example Foundation", "Exampletown", "office@example.org"))
    save(db, Address("de", "de@missions.example.org", "a call", NOW.date()), by="Olga", now=NOW)
    numbers = {"withdraw": 3, "deliver": 1, "change address": 2}
    lost = {"change passphrase": 1}
    mark(
        db,
        Restoration(
            on=date(2026, 11, 23), replayed=numbers, reported=lost, missing_journals=1, missing_lines=2
        ),
    )
    db.commit()


@pytest.mark.usefixtures("published")
def test_no_name_is_published_until_an_owner_has_looked(
    client: FlaskClient, organiser: OrganisersBrowser, site: Site
) -> None:
    assert "Mara Example" not in text(client.get("/en/progress"))

    assert organiser.post(PAGE, on=PAGE).status_code == 303

    site.snapshots.expire()
    assert "Mara Example" in text(client.get("/en/progress"))


@pytest.mark.usefixtures("published")
def test_the_page_says_what_was_replayed_and_what_is_unknown(
    organiser: OrganisersBrowser, db: Session
) -> None:
    assert "The database was restored" in text(organiser.get("/organise/"))
    page = text(organiser.get(PAGE))
    for sentence in (
        "3 × signatures withdrawn",
        "1 × deliveries",
        "1 × passphrases changed",
        "1 journal was",
        "2 lines of the journal were missing",
        "Please check before you go on",
        "is each letter there that you sent?",
    ):
        assert sentence in page
    assert page.index("2 × addresses of delegations") > page.index("What you have to do again")
    assert unreviewed(db) is not None, "looking alone changes nothing"
    db.rollback()

    organiser.post(PAGE, on=PAGE)

    assert unreviewed(db) is None
    assert "reopen after restoration" in {entry.act for entry in audit_log.entries(db)}
    assert "Nothing waits here" in text(organiser.get(PAGE))
    assert "was restored" not in text(organiser.get("/organise/"))


@pytest.mark.usefixtures("published")
def test_nothing_is_delivered_until_an_owner_has_looked(organiser: OrganisersBrowser) -> None:
    assert "an owner has to look first" in text(organiser.get("/organise/deliveries"))
    preview = text(organiser.get("/organise/deliveries/new/de"))
    assert "an owner has to look first" in preview

    organiser.post(PAGE, on=PAGE)

    assert "an owner has to look first" not in text(organiser.get("/organise/deliveries/new/de"))


def test_only_an_owner_reopens(others: dict[str, OrganisersBrowser], db: Session) -> None:
    mark(db, Restoration(on=date(2026, 11, 23)))
    db.commit()
    for role, status in (("reader", 403), ("organiser", 403), ("owner", 303)):
        assert others[role].post(PAGE).status_code == status
        assert others[role].get(PAGE).status_code == (200 if role == "owner" else 403)
