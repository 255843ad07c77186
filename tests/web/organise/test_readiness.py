"""Overview, deliveries page, preview and sending give one answer to the question of what is ready."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from campaign.delivery.delegation import Address, save
from campaign.delivery.model import ACCEPTED, BOUNCED, DELAYED, SENDING
from campaign.organiser.organisation import Organisation, save_organisation
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from tests.conftest import NOW
from tests.support.factories import make_delivery, make_signature
from tests.support.relay import Relay, relay
from tests.web.conftest import OrganisersBrowser

PREVIEW = "/organise/deliveries/new/de"

CAUTIONS = "sent_before,address_old"


class Case(NamedTuple):
    """The letter to Germany's delegation, and whether it is ready and may be sent."""

    is_ready: bool
    may_be_sent: bool
    has_organisation: bool = True
    has_address: bool = True
    signatures: int = 1
    delivered: int = 0
    """Signatures in an earlier delivery."""
    status: str = ""
    """Of that delivery."""


CASES = {
    "never sent": Case(True, True),
    "sent, nothing new": Case(False, True, delivered=1, status=ACCEPTED),
    "sent, new signatures": Case(True, True, signatures=2, delivered=1, status=ACCEPTED),
    "sending": Case(False, False, signatures=2, delivered=1, status=SENDING),
    "bounced": Case(True, True, delivered=1, status=BOUNCED),
    "delayed": Case(True, True, delivered=1, status=DELAYED),
    "no address": Case(False, False, has_address=False),
    "organisation not set": Case(False, False, has_organisation=False),
    "no signatures": Case(False, False, signatures=0),
}


@pytest.fixture
def post_office() -> Iterator[Relay]:
    with relay() as server:
        yield server


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], settings: Settings, post_office: Relay) -> Flask:
    return make_app(replace(settings, smtp_url=post_office.url, mail_from="letters@example.org"))


def arrange(db: Session, keys: ServerKeys, case: Case) -> None:
    if case.has_organisation:
        save_organisation(db, Organisation("Example Foundation", "Exampletown", "office@example.org"))
    if case.has_address:
        save(db, Address("de", "de@missions.example.org", "a call", NOW.date()), by="Olga", now=NOW)
    made = [make_signature(db, keys) for _ in range(case.signatures)]
    if case.status:
        make_delivery(db, [each.row for each in made[: case.delivered]], status=case.status)
    db.commit()


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return found[1] if found else ""


# On both databases, tests/delivery/test_delivery.py reads what is ready.
@pytest.mark.any_database
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_all_pages_and_sending_agree_on_what_is_ready(
    db: Session, keys: ServerKeys, organiser: OrganisersBrowser, post_office: Relay, case: Case
) -> None:
    arrange(db, keys, case)
    overview = organiser.get("/organise/").get_data(as_text=True)
    deliveries = organiser.get("/organise/deliveries").get_data(as_text=True)
    preview = organiser.get(PREVIEW).get_data(as_text=True)

    assert f"<strong>{int(case.is_ready)}</strong><small>letters ready to deliver" in overview
    assert ("Deliver letters" in overview) == case.is_ready
    assert ("Ready: look and send" in deliveries) == case.is_ready
    assert f"{int(case.is_ready)} {'is' if case.is_ready else 'are'} ready." in deliveries
    assert ("Send letter and list" in preview) == case.may_be_sent

    # Where the preview has no form, one is sent that confirms every caution.
    nonce, seen = hidden(preview, "nonce") or str(uuid4()), hidden(preview, "seen")
    answer = organiser.post(
        PREVIEW,
        on="/organise/account",
        nonce=nonce,
        seen=seen if case.may_be_sent else CAUTIONS,
        latest=hidden(preview, "latest"),
        shown=hidden(preview, "shown"),
        holds="y",
    )

    assert answer.status_code == 303
    assert (answer.location != PREVIEW) == case.may_be_sent
    assert len(post_office.received) == int(case.may_be_sent)
