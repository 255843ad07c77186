"""The site after an emergency erasure of everything personal, for supporters and organisers."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.delivery.model import DeliveryRow
from campaign.operations.emergency.destroy_keys import destroy
from campaign.operations.emergency.scrub_rows import scrub
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.factories import PASSPHRASE, decide, make_delivery, make_signature
from tests.web.conftest import FORM, OrganisersBrowser, Supporter

pytestmark = pytest.mark.any_database

SAID = "Everything personal was erased"


@pytest.fixture
def erase(site: Site, clock: Clock) -> Any:
    """Give a function that erases everything in another process, and forwards the clock past the snapshot."""

    def erase() -> None:
        destroy(site.database, now=clock())
        clock.forward(seconds=2)

    return erase


@pytest.mark.both_databases
def test_nothing_can_be_signed_and_the_page_says_why(
    client: FlaskClient, supporter: Supporter, site: Site, erase: Any
) -> None:
    assert supporter.sign().status_code == 303
    erase()
    answer = client.post("/en/letters/de", data=FORM)

    assert answer.status_code == 410
    page = answer.get_data(as_text=True)
    assert "On 23 November 2026 the organisers erased everything personal" in page
    assert "<form" not in page
    seen = client.get("/en/letters/de").get_data(as_text=True)
    assert page.partition("<body")[2] == seen.partition("<body")[2]
    with site.database.reading() as db:
        assert len(db.scalars(select(Signature.id)).all()) == 1


def test_a_process_with_an_older_snapshot_takes_no_signature_either(
    client: FlaskClient, site: Site, clock: Clock
) -> None:
    client.get("/en/letters/de")
    destroy(site.database, now=clock())
    answer = client.post("/en/letters/de", data=FORM)

    assert answer.status_code == 410
    assert SAID in answer.get_data(as_text=True)


def test_cached_pages_are_no_longer_shown(client: FlaskClient, erase: Any) -> None:
    for url in ("/en/", "/en/letters/de", "/en/privacy"):
        client.get(url)
    erase()

    for url in ("/en/", "/en/letters/de", "/en/privacy"):
        answer = client.get(url)
        assert answer.status_code == 200
        assert "On 23 November 2026" in answer.get_data(as_text=True), url


def test_counts_progress_letters_and_deliveries_stay(
    client: FlaskClient, db: Session, keys: ServerKeys, erase: Any
) -> None:
    rows = [make_signature(db, keys).row for _ in range(3)]
    delivery = make_delivery(db, rows[:2])
    erase()

    assert client.get("/counts.json").get_json()["total"] == 3
    for url in ("/en/progress", "/en/letters/de.txt", "/en/letters/de.pdf", "/en/embed/de"):
        assert client.get(url).status_code == 200
    verified = client.get(f"/en/verify/{delivery.code}")
    assert verified.status_code == 200
    assert (b"\2" * 32).hex() in verified.get_data(as_text=True)
    assert client.get("/healthz").status_code == 200


def test_published_names_are_gone_at_once(
    client: FlaskClient, db: Session, keys: ServerKeys, erase: Any
) -> None:
    row = make_signature(db, keys, disclosure="public").row
    decide(db, row, public_name="Mara Public", name_review="approved")
    db.commit()
    assert "Mara Public" in client.get("/en/progress").get_data(as_text=True)
    erase()

    assert "Mara Public" not in client.get("/en/progress").get_data(as_text=True)


@pytest.mark.both_databases
def test_every_private_link_answers_that_nothing_is_left(
    client: FlaskClient, supporter: Supporter, erase: Any
) -> None:
    supporter.sign()
    supporter.act("confirm")
    erase()
    answers = [
        supporter.page(),
        supporter.act("withdraw"),
        client.get("/en/signature/00000000000000000000"),
        client.get("/en/signature"),
        client.post("/en/signature", data={"email": FORM["email"]}),
        client.post("/en/signature", data={"code": supporter.token}),
    ]

    assert {answer.status_code for answer in answers} == {410}
    assert len({answer.get_data(as_text=True).partition("<main")[2] for answer in answers}) == 1
    assert "Nothing that identifies you is left here" in answers[0].get_data(as_text=True)
    assert answers[0].headers["Cache-Control"] == "no-store"
    assert supporter.total() == 1
    assert supporter.mails() == []


ORGANISERS_PAGES = [
    "",
    "login",
    "recover",
    "signatures",
    "lists/de.csv",
    "setup/00000000000000000000",
    "requests",
]


def test_every_organisers_page_says_so_with_and_without_a_session(
    organiser: OrganisersBrowser, app: Flask, erase: Any
) -> None:
    erase()

    for url in ORGANISERS_PAGES:
        for browser in (organiser.client, app.test_client()):
            answer = browser.get(f"/organise/{url}")
            assert answer.status_code == 410, url
            assert SAID in answer.get_data(as_text=True), url
            assert "Log out" not in answer.get_data(as_text=True), url


def test_a_session_opens_no_name_from_that_moment(
    organiser: OrganisersBrowser, site: Site, db: Session, keys: ServerKeys, clock: Clock
) -> None:
    make_signature(db, keys, name="Mara Example")
    assert "Mara Example" in organiser.get("/organise/lists/de.csv").get_data(as_text=True)
    destroy(site.database, now=clock())  # the snapshot is not read again yet

    answer = organiser.get("/organise/lists/de.csv")
    assert answer.status_code in {303, 410}
    assert "Mara Example" not in answer.get_data(as_text=True)
    assert organiser.client.post("/organise/login", data={"passphrase": PASSPHRASE}).status_code != 303


@pytest.mark.both_databases
def test_the_site_goes_on_while_its_rows_are_scrubbed(
    client: FlaskClient, site: Site, db: Session, keys: ServerKeys, erase: Any
) -> None:
    make_delivery(db, [make_signature(db, keys).row])
    erase()
    with site.database.session(writes=True) as scrubbing:
        for _rows in scrub(scrubbing):
            scrubbing.commit()
            assert client.get("/en/progress").status_code == 200
        scrubbing.commit()

    assert client.get("/counts.json").get_json()["total"] == 1
    with site.database.reading() as after:
        assert after.scalars(select(DeliveryRow)).all() == []
