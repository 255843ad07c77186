"""The page Progress: every sentence on it is computed."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from campaign.sealing.server_key import ServerKeys
from campaign.signature import count
from campaign.web.site import Site
from tests.conftest import NOW
from tests.support.factories import decide, make_delivery, make_signature
from tests.web.conftest import text

pytestmark = pytest.mark.any_database


def add(db: Session, site: Site, **signatures: int) -> None:
    for state, number in signatures.items():
        count.add(db, state, "FR", on=NOW.date(), confirmed=number)
    db.commit()
    site.snapshots.expire()


def letters(client: FlaskClient, path: str) -> list[str]:
    """Return the letters of the table in its order."""
    return re.findall(r'scope="row"><a href="/en/letters/(\w\w)"', client.get(path).get_data(as_text=True))


def test_the_letters_are_in_the_order_of_names_or_of_signatures(
    client: FlaskClient, db: Session, site: Site
) -> None:
    add(db, site, pl=7, de=3, us=70)

    by_name, by_count = letters(client, "/en/progress"), letters(client, "/en/progress?order=signatures")

    assert (len(by_name), by_name[0], by_name[-1]) == (57, "al", "uz")
    assert by_count[:5] == ["us", "pl", "de", "al", "ad"]
    assert sorted(by_count) == sorted(by_name)
    assert letters(client, "/en/progress?order=else") == by_name


def test_the_page_says_what_was_delivered_and_answered(client: FlaskClient, db: Session, site: Site) -> None:
    assert "We have not delivered the letters yet." in text(client.get("/en/progress"))

    make_delivery(db, [], state_code="fr", sending_at=NOW - timedelta(days=9))
    add(db, site)
    assert "1 of 57 delegations has its letter. None has replied yet." in text(client.get("/en/progress"))

    answered = {"status": "replied", "replied_on": NOW.date(), "note": "Ms Example called."}
    make_delivery(db, [], public_reply="We <thank> you.\n\nWe will answer.", **answered)
    add(db, site)
    page = client.get("/en/progress")
    assert "2 of 57 delegations have their letter. 1 has replied." in text(page)
    assert "We &lt;thank&gt; you.\n\nWe will answer." in page.get_data(as_text=True)
    assert "Example" not in text(page)


def test_a_small_sum_is_an_invitation_and_no_large_number(
    client: FlaskClient, db: Session, site: Site
) -> None:
    add(db, site, de=60, fr=39)
    assert "Be among the first to sign." in text(client.get("/en/progress"))

    add(db, site, it=1)
    page = client.get("/en/progress")
    assert "Be among the first" not in text(page)
    assert '<strong data-count="total">100</strong>' in page.get_data(as_text=True)


def test_nothing_is_said_of_people_that_was_not_counted(
    client: FlaskClient, db: Session, keys: ServerKeys, site: Site
) -> None:
    row = make_signature(db, keys, disclosure="public").row
    decide(db, row, public_name="Mara Public", name_review="approved")
    add(db, site)

    page = text(client.get("/en/progress"))

    assert "Mara Public" in page
    assert not re.search(r"\b(most|many|few) (signatories|supporters|people|of)", page, re.IGNORECASE), (
        "of signatories"
    )
