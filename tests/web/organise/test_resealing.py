"""Boxes of an earlier key pair are resealed in the background of the web process."""

import logging
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from campaign.log import LineFormatter
from campaign.sealing import box
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import CampaignKey, current_key
from campaign.settings import Settings
from campaign.signature.key_change import RESEALED_AT_ONCE, setup_code
from campaign.signature.model import Signature
from campaign.web import background_reseal
from campaign.web.background_reseal import THREAD_NAME
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.factories import PASSPHRASE, TODAY, decide
from tests.web.conftest import OrganisersBrowser

BOXES = 500
"""One batch at once, and two in the background."""


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the thread wait for its first batch longer than any test takes; closing the site ends that."""
    monkeypatch.setattr(background_reseal, "PAUSE_SECONDS", 3_600)


@pytest.fixture
def setup_url(db: Session, clock: Clock) -> str:
    """Return the setup link of a site that has many signatures already."""
    code = setup_code(db, now=clock())
    key = current_key(db)
    row = {
        "state_code": "de",
        "edition": 1,
        "language": "en",
        "residence": "FR",
        "disclosure": "public",
        "signed_on": TODAY,
        "confirmed_on": TODAY,
        "key_id": key.id,
        "has_words": False,
    }
    details = Details(name="Mara Example", email="mara@example.org")
    for _ in range(BOXES):
        signature = Signature(**row, id=uuid4(), organisers_only=False)
        signature.sealed = box.seal(details, key.public_key, signature.context)
        decide(db, signature)
        db.add(signature)
    db.commit()
    return f"/organise/setup/{code}"


def set_up(app: Flask, url: str) -> OrganisersBrowser:
    browser = OrganisersBrowser(app)
    form = {"name": "Olga Organiser", "passphrase": PASSPHRASE, "passphrase_again": PASSPHRASE}
    assert browser.post(url, on=url, **form).status_code == 200
    return browser


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == THREAD_NAME]


def finish() -> None:
    for thread in threads():
        thread.join(60)
        assert not thread.is_alive()


def under_earlier_keys(site: Site) -> int:
    earlier = select(CampaignKey.id).where(CampaignKey.is_current.is_(False))
    query = select(func.count()).select_from(Signature).where(Signature.key_id.in_(earlier))
    with site.database.reading() as db:
        return db.scalar(query) or 0


def check_all_resealed(site: Site) -> None:
    assert under_earlier_keys(site) == 0
    with site.database.reading() as db:
        assert db.scalar(select(func.count()).select_from(CampaignKey)) == 1


@pytest.mark.usefixtures("paused")
def test_the_first_organiser_waits_for_one_batch_of_boxes(app: Flask, site: Site, setup_url: str) -> None:
    browser = set_up(app, setup_url)

    assert under_earlier_keys(site) == BOXES - RESEALED_AT_ONCE
    for page in ("/organise/", "/organise/signatures", "/organise/checks", "/organise/lists/de.csv"):
        assert browser.get(page).status_code == 200


def test_in_the_end_all_boxes_are_resealed_and_the_old_pair_is_gone(
    app: Flask, site: Site, setup_url: str
) -> None:
    browser = set_up(app, setup_url)
    finish()

    check_all_resealed(site)
    assert browser.get("/organise/lists/de.csv").get_data(as_text=True).count("Mara Example") == BOXES


@pytest.mark.any_database
@pytest.mark.usefixtures("paused")
def test_one_thread_reseals_however_many_log_in(app: Flask, setup_url: str) -> None:
    set_up(app, setup_url)
    for _ in range(3):
        assert OrganisersBrowser(app).log_in().status_code == 303

    assert len(threads()) == 1


@pytest.mark.any_database
@pytest.mark.usefixtures("paused")
def test_closing_the_site_ends_the_thread(app: Flask, site: Site, setup_url: str) -> None:
    set_up(app, setup_url)
    assert threads()
    site.close()

    assert not threads()
    assert under_earlier_keys(site) == BOXES - RESEALED_AT_ONCE


@pytest.mark.any_database
def test_after_a_restart_the_next_login_reseals_the_rest(
    app: Flask,
    site: Site,
    setup_url: str,
    settings: Settings,
    make_app: Callable[[Settings], Flask],
) -> None:
    site.background_reseal.close()
    set_up(app, setup_url)
    finish()
    assert under_earlier_keys(site) == BOXES - RESEALED_AT_ONCE

    assert OrganisersBrowser(make_app(settings)).log_in().status_code == 303
    finish()
    check_all_resealed(site)


def test_after_a_restart_the_next_form_reseals_the_rest_and_a_page_does_not(
    app: Flask,
    site: Site,
    setup_url: str,
    settings: Settings,
    make_app: Callable[[Settings], Flask],
) -> None:
    site.background_reseal.close()
    browser = set_up(app, setup_url)
    finish()
    restarted = make_app(settings)
    cookie = browser.client.get_cookie("organiser")
    assert cookie
    again = OrganisersBrowser(restarted)
    again.client.set_cookie("organiser", cookie.value)

    left = f"{BOXES - RESEALED_AT_ONCE} signatures are still sealed"
    assert left in again.get("/organise/").get_data(as_text=True)
    assert not threads()
    again.post("/organise/signatures", state="de")
    finish()
    check_all_resealed(site)
    assert "still sealed" not in again.get("/organise/").get_data(as_text=True)


@pytest.mark.any_database
def test_an_error_is_logged_without_its_message_and_the_next_login_goes_on(
    app: Flask, site: Site, setup_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_connection: Any) -> None:
        if threading.current_thread().name == THREAD_NAME:
            raise RuntimeError("Mara Example")

    event.listen(site.database.engine, "begin", fail)
    with caplog.at_level(logging.ERROR):
        set_up(app, setup_url)
        finish()
    event.remove(site.database.engine, "begin", fail)

    (record,) = caplog.records
    record.exc_text = None  # what another formatter made of it
    assert "RuntimeError" in LineFormatter().format(record)
    assert "Mara" not in LineFormatter().format(record)
    assert OrganisersBrowser(app).log_in().status_code == 303
    finish()
    check_all_resealed(site)
