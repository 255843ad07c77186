"""The Atom feeds: valid, escaped, without personal data, and no clock."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from xml.etree.ElementTree import Element, fromstring

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from campaign.organiser.organisation import Organisation, save_organisation
from campaign.settings import Settings
from campaign.signature import count, published_count
from campaign.web.site import Site
from tests.conftest import NOW, Clock
from tests.support.factories import make_delivery

pytestmark = pytest.mark.any_database

ATOM = "{http://www.w3.org/2005/Atom}"

FEEDS = ["/en/updates.atom", "/en/letters/de.atom"]

Read = Callable[[str], Element]


@pytest.fixture
def read(client: FlaskClient, site: Site) -> Read:
    """Give a function that returns a feed, once it has what RFC 4287 requires."""

    def read(path: str) -> Element:
        site.snapshots.expire()
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.content_type == "application/atom+xml; charset=utf-8"
        assert "Set-Cookie" not in answer.headers
        feed = fromstring(answer.data)  # noqa: S314 -- our own answer
        assert feed.tag == f"{ATOM}feed"
        assert feed.find(f"{ATOM}author/{ATOM}name").text  # type: ignore[union-attr]
        check_entry(feed)
        assert links(feed)["self"] == f"http://127.0.0.1:8000{path}"
        ids = [entry.findtext(f"{ATOM}id") for entry in entries(feed)]
        assert len(set(ids)) == len(ids)
        for entry in entries(feed):
            check_entry(entry)
            assert entry.findtext(f"{ATOM}content")
        return feed

    return read


def check_entry(element: Element) -> None:
    """Check what a feed and an entry have exactly once: ID, title, day, page."""
    for name in ("id", "title", "updated"):
        assert len(element.findall(ATOM + name)) == 1, name
        assert element.findtext(ATOM + name), name
    assert element.findtext(f"{ATOM}id", "").startswith("tag:127.0.0.1,2026:en/")
    assert element.findtext(f"{ATOM}updated", "").endswith("T00:00:00Z"), "a day, and no time"
    assert links(element)["alternate"].startswith("http://127.0.0.1:8000/en/")


def links(element: Element) -> dict[str, str]:
    return {each.attrib["rel"]: each.attrib["href"] for each in element.findall(f"{ATOM}link")}


def entries(feed: Element) -> list[Element]:
    return feed.findall(f"{ATOM}entry")


def titles(feed: Element) -> list[str]:
    return [entry.findtext(f"{ATOM}title", "") for entry in entries(feed)]


@pytest.mark.parametrize("path", FEEDS)
def test_a_feed_is_valid_before_anything_happened(read: Read, path: str) -> None:
    assert entries(read(path)) == []


def test_a_feed_tells_of_deliveries_and_replies_the_latest_first(read: Read, db: Session) -> None:
    make_delivery(db, [], state_code="fr", sending_at=NOW - timedelta(days=2))
    make_delivery(
        db,
        [],
        status="replied",
        sending_at=NOW - timedelta(days=3),
        replied_on=NOW.date(),
        note="Ms Example called.",
        public_reply="We thank <all> & will answer.",
    )
    make_delivery(db, [], state_code="it", status="bounced")
    db.commit()

    every, german = read("/en/updates.atom"), read("/en/letters/de.atom")

    delivered = "Letter delivered: Germany"
    assert titles(every) == ["Reply received: Germany", "Letter delivered: France", delivered]
    assert titles(german) == ["Reply received: Germany", delivered]
    assert entries(every)[0].findtext(f"{ATOM}content") == "We thank <all> & will answer."
    assert every.findtext(f"{ATOM}updated") == "2026-11-23T00:00:00Z"
    assert entries(german)[1].findtext(f"{ATOM}updated") == "2026-11-20T00:00:00Z"


def test_a_second_delivery_on_one_day_is_the_same_entry(read: Read, db: Session) -> None:
    for hours in (1, 2):
        make_delivery(db, [], sending_at=NOW - timedelta(hours=hours))
    db.commit()

    assert titles(read("/en/letters/de.atom")) == ["Letter delivered: Germany"]


def test_a_milestone_is_one_of_the_published_figure_and_stays_that_of_its_day(
    read: Read, db: Session, settings: Settings, clock: Clock
) -> None:
    paced = replace(settings, count_minutes=15, count_step=5)
    count.add(db, "de", "FR", on=NOW.date(), confirmed=600)
    db.commit()
    assert titles(read("/en/letters/de.atom")) == [], "counted, but not published"
    for more in (0, 0, 400, -400, 400):
        clock.forward(days=1)
        count.add(db, "de", "FR", on=clock().date(), confirmed=max(more, 0), withdrawn=max(-more, 0))
        published_count.publish(db, paced, now=clock())
        db.commit()

    feed = read("/en/letters/de.atom")

    assert titles(feed) == ["1,000 signatures: Germany", "500 signatures: Germany"]
    days = [entry.findtext(f"{ATOM}updated", "")[:10] for entry in entries(feed)]
    assert days == ["2026-11-26", "2026-11-24"]
    assert titles(read("/en/letters/fr.atom")) == []
    assert titles(read("/en/updates.atom"))[0] == "1,000 signatures under all letters"


def test_a_feed_announces_the_closing_day_and_the_close(
    make_app: Callable[[Settings], Flask], settings: Settings, clock: Clock
) -> None:
    client = make_app(replace(settings, closes_on=date(2026, 12, 24))).test_client()

    def read_titles() -> list[str]:
        clock.forward(seconds=2)
        return titles(fromstring(client.get("/en/updates.atom").data))  # noqa: S314

    assert read_titles() == []
    clock.forward(days=1)
    assert read_titles() == ["Sign until 24 December 2026"]
    clock.forward(days=31)
    assert read_titles() == ["Signing has ended", "Sign until 24 December 2026"]


def test_the_organisation_is_the_author(read: Read, db: Session) -> None:
    save_organisation(db, Organisation("Aid & <b>Rights</b>", "Vienna", "aid@example.org"))
    db.commit()

    author = read("/en/updates.atom").find(f"{ATOM}author/{ATOM}name")

    assert author is not None
    assert author.text == "Aid & <b>Rights</b>"


def test_pages_name_their_feed(visitor: FlaskClient) -> None:
    home, letter = (visitor.get(path).get_data(as_text=True) for path in ("/en/", "/en/letters/de"))

    assert '<link rel="alternate" type="application/atom+xml"' in home
    assert 'href="/en/updates.atom"' in home
    assert 'href="/en/letters/de.atom"' in letter
