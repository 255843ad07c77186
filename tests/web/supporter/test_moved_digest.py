"""Somebody who moved a digest in the database asks over HTTP for the link of another's page."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from campaign.sealing.server_key import ServerKeys
from campaign.signature.link import send_links
from tests.conftest import NOW
from tests.signature.test_moved_digest import ATTACKER, give_digest
from tests.support.factories import make_signature
from tests.support.outbox import mails

pytestmark = pytest.mark.any_database


def test_over_http_a_requested_link_reaches_the_own_page_alone(
    client: FlaskClient, db: Session, keys: ServerKeys
) -> None:
    mine = make_signature(db, keys, name="Eve Example", email=ATTACKER)
    make_signature(db, keys, state="fr", name="Eve Example", email=ATTACKER)
    victim = make_signature(db, keys, name="Vera Victim")
    give_digest(db, victim, mine)

    assert client.post("/en/signature", data={"email": ATTACKER}).status_code == 303
    send_links(db, ATTACKER, language="en", keys=keys, is_sensitive=bool, now=NOW)
    db.commit()

    [sent] = [mail.params for mail in mails(db, keys) if mail.purpose == "links"]
    assert sent["letters"] == ["fr"]
    assert "Vera Victim" not in client.get(f"/en/signature/{sent['token']}").text
