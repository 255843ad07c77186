"""The page about the close, and signing after digests were erased."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from campaign.operations.clock_watch import ClockWatch
from campaign.organiser.audit_log import entries
from campaign.settings import Settings
from campaign.signature.announcement import announcements
from campaign.signature.model import Signature
from campaign.web.site import Site
from campaign.worker import job
from campaign.worker.job import Run
from tests.conftest import NOW, Clock
from tests.support.factories import make_delivery, make_signature
from tests.web.conftest import FORM, OrganisersBrowser, text

TODAY = NOW.date()

pytestmark = pytest.mark.any_database


@pytest.fixture
def closed(make_app: Callable[[Settings], Flask], settings: Settings) -> Flask:
    """A site that closed a hundred days ago; its names are due."""
    closes_on = TODAY - timedelta(days=100)
    return make_app(replace(settings, closes_on=closes_on, erase_months_after_close=3))


def run_worker(app: Flask, watch: ClockWatch | None = None) -> None:
    site: Site = app.extensions["campaign"]
    with site.database.session(writes=True) as db:
        run = Run(settings=site.settings, database=site.database, db=db, now=site.clock())
        job.erase_due(replace(run, watch=watch or run.watch))
        db.commit()
    site.snapshots.expire()


def let_days_pass(app: Flask, clock: Clock, days: int) -> None:
    """Let days pass, on each of which one worker runs once."""
    watch = ClockWatch(clock)
    run_worker(app, watch)
    for _ in range(days):
        clock.forward(days=1)
        run_worker(app, watch)


def is_waiting(site: Site) -> bool:
    with site.database.reading() as db:
        return announcements(db)["names"].is_waiting


def boxes(site: Site) -> int:
    with site.database.reading() as db:
        return db.scalar(select(func.count(Signature.sealed))) or 0


def test_an_owner_reads_why_an_erasure_waits_and_allows_it_with_the_passphrase(
    closed: Flask, owner: object, clock: Clock
) -> None:
    assert owner
    site: Site = closed.extensions["campaign"]
    long_ago = TODAY - timedelta(days=120)
    with site.database.session(writes=True) as db:
        make_delivery(db, [make_signature(db, site.keys, on=long_ago).row])
        make_signature(db, site.keys, state="fr", on=long_ago)
    run_worker(closed)
    let_days_pass(closed, clock, 8)
    browser = OrganisersBrowser(closed)
    assert browser.log_in().status_code == 303
    overview = text(browser.get("/organise/"))
    assert "The campaign closed on 15 August 2026" in overview
    assert "All names are to be erased. This waits for an owner." in overview
    assert "1 letter has names that were never delivered: France" in text(browser.get("/organise/closing"))

    browser.post("/organise/closing/names", on="/organise/closing", doubts="")
    assert "another reason" in text(browser.get("/organise/closing"))
    clock.forward(minutes=6)
    asked = browser.post("/organise/closing/names", on="/organise/closing", doubts="undelivered")
    assert 'name="passphrase"' in asked.get_data(as_text=True)
    assert is_waiting(site)
    browser = OrganisersBrowser(closed)
    assert browser.log_in().status_code == 303
    browser.post("/organise/closing/names", on="/organise/closing", doubts="undelivered")
    assert "Allowed." in text(browser.get("/organise/closing"))
    assert boxes(site) == 2

    let_days_pass(closed, clock, 1)
    assert boxes(site) == 0
    with site.database.reading() as db:
        acts = [each.act for each in entries(db)]
    assert "allow to erase names" in acts
    assert "erase names" in acts


def test_only_an_owner_allows_and_reopens(others: dict[str, OrganisersBrowser]) -> None:
    for role, browser in others.items():
        assert browser.get("/organise/closing").status_code == 200
        for path in ("names", "reopen"):
            answer = browser.post(f"/organise/closing/{path}")
            assert answer.status_code == (303 if role == "owner" else 403), (role, path)


def test_a_later_closing_day_opens_signing_only_when_an_owner_says_so(
    make_app: Callable[[Settings], Flask], settings: Settings, owner: object, clock: Clock
) -> None:
    assert owner
    app = make_app(replace(settings, closes_on=TODAY))
    assert app.test_client().post("/en/letters/de", data=FORM).status_code == 303
    site: Site = app.extensions["campaign"]
    with site.database.writing() as db:
        make_signature(db, site.keys)
    run_worker(app)
    let_days_pass(app, clock, 9)

    later = make_app(replace(settings, closes_on=TODAY + timedelta(days=90)))
    client = later.test_client()
    assert client.post("/en/letters/de", data=FORM).status_code == 410
    assert 'name="consent"' not in client.get("/en/letters/de").get_data(as_text=True)
    browser = OrganisersBrowser(later)
    assert browser.log_in().status_code == 303
    assert "signing stays closed until an owner has decided" in text(browser.get("/organise/"))
    assert "count twice" in text(browser.get("/organise/closing"))

    assert browser.post("/organise/closing/reopen", on="/organise/closing").status_code == 303
    assert client.post("/en/letters/de", data=FORM).status_code == 303
    assert "Signing opened again" in browser.get("/organise/audit").get_data(as_text=True)
