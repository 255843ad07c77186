"""Neither the order nor the pace of mails tells a stranger whether one was sent between two of their own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.mail import outbox
from campaign.mail.outbox import OutboxMail
from campaign.mail.random_wait import SPREAD, no_wait, random_wait, wait_on
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from tests.conftest import NOW
from tests.web.conftest import FORM, make_app  # noqa: F401 - a fixture


def test_mails_are_claimed_in_the_order_of_their_waits_not_of_the_posts(
    db: Session, keys: ServerKeys
) -> None:
    waits = [timedelta(seconds=seconds) for seconds in (7, 2, 9, 0, 4)]
    mail = {"purpose": "confirm", "language": "en", "recipient": "m@example.org", "params": {}}
    posts = [(NOW + timedelta(milliseconds=place), wait) for place, wait in enumerate(waits)]
    ids = [outbox.add(db, keys, **mail, now=now, wait=lambda wait=wait: wait) for now, wait in posts]
    db.commit()

    assert outbox.claim(db, limit=9, now=NOW - timedelta(seconds=1)) == []
    claimed = [each.id for _ in range(3) for each in outbox.claim(db, limit=2, now=NOW + SPREAD)]
    assert claimed == [ids[place] for place in (3, 1, 4, 0, 2)]


def test_waits_fill_ten_seconds_evenly() -> None:
    waits = [random_wait() for _ in range(2_000)]

    assert timedelta() <= min(waits) < SPREAD / 100
    assert SPREAD * 99 / 100 < max(waits) < SPREAD
    assert SPREAD * 0.45 < sum(waits, timedelta()) / len(waits) < SPREAD * 0.55


def test_only_a_site_on_loopback_sends_at_once() -> None:
    secret = "a secret key of at least thirty-two characters"
    public = Settings(secret_key=secret, base_url="https://sign.example.org", smtp_url="smtp://127.0.0.1")

    assert wait_on(public) is random_wait
    assert wait_on(Settings(secret_key=secret)) is no_wait


@pytest.mark.any_database
def test_each_row_that_a_visitor_causes_waits_on_a_public_site(
    make_app: Callable[[Settings], Flask],  # noqa: F811
    settings: Settings,
) -> None:
    public = replace(settings, base_url="https://sign.example.org", smtp_url="smtp://127.0.0.1:9")
    app = make_app(public)
    client, site = app.test_client(), app.extensions["campaign"]
    number = count(1)
    for _ in range(4):
        address = f"198.51.100.{next(number)}"
        client.environ_base["REMOTE_ADDR"] = address
        for state in ("de", "fr"):
            assert client.post(f"/en/letters/{state}", data=FORM).status_code == 303
        assert client.post("/en/signature", data={"email": FORM["email"]}).status_code == 303
    with site.database.reading() as db:
        due = list(db.scalars(select(OutboxMail.due_at)))

    assert len(due) == 12
    assert len(set(due)) == 12
    assert NOW <= min(due) < max(due) < NOW + SPREAD
