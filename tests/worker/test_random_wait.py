"""The worker waits for mails that will be due soon, and a row that sends nothing takes as long as a mail."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from campaign.mail import dispatch, outbox
from campaign.mail.outbox import OutboxMail
from campaign.mail.random_wait import SPREAD
from campaign.signature.link import send_links
from campaign.worker import job
from campaign.worker.job import Run
from tests.conftest import NOW
from tests.support.relay import relay
from tests.worker.outbox_rows import ADDRESS

pytestmark = pytest.mark.any_database


@pytest.mark.both_databases
def test_one_request_sends_what_is_due_within_the_spread(build, put, clock):
    with relay() as server:
        put()
        clock.forward(seconds=-SPREAD.total_seconds())
        sending = threading.Thread(target=build(server.url).send_due_mail)
        sending.start()
        time.sleep(0.1)
        assert server.recipients == []
        assert sending.is_alive()
        clock.forward(seconds=SPREAD.total_seconds())
        sending.join(5)

    assert len(server.recipients) == 1
    assert not sending.is_alive()


def test_the_sweep_finds_a_mail_that_will_be_due_before_its_next_run(database, settings, keys):
    requests = []
    mail = {"purpose": "confirm", "language": "en", "recipient": ADDRESS, "params": {}}
    with database.writing() as db:
        outbox.add(db, keys, **mail, now=NOW, wait=lambda: SPREAD)
    with database.session(writes=True) as db:
        run = Run(settings=settings, database=database, db=db, now=NOW)
        job.sweep_outbox(replace(run, request_sending=lambda: requests.append(1)))

    assert requests == [1]


def test_a_decoy_takes_as_long_as_the_mail_before_it(build, put_at, clock, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(dispatch, "time", SimpleNamespace(sleep=slept.append))
    clock.forward(seconds=1)
    put_at(NOW)
    put_at(NOW + timedelta(milliseconds=1), purpose=outbox.DECOY)
    with relay() as server:
        server.at_message = lambda: clock.forward(seconds=0.5)
        build(server.url).send_due_mail()

    assert len(server.recipients) == 1
    assert slept == [0.5]


def test_an_address_without_signatures_costs_a_row_that_sends_nothing(database, keys, put_at):
    with database.writing() as db:
        send_links(db, "nobody@example.org", language="en", keys=keys, is_sensitive=bool, now=NOW)
    with database.reading() as db:
        [mail] = db.scalars(select(OutboxMail))

    assert outbox.content(keys, mail).purpose == outbox.DECOY
