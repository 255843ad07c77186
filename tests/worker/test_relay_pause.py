"""When sending pauses: if the relay itself keeps deferring our mail."""

from datetime import timedelta

import pytest

from campaign.mail import dispatch, relay_pause
from tests.support.relay import relay
from tests.worker.outbox_rows import address, rows

pytestmark = pytest.mark.any_database


def test_a_relay_that_defers_mail_after_mail_gets_a_pause(build, put, database, clock, monkeypatch):
    # The deferred mails are due in ten seconds, which never pass: the run would ask a thousand times.
    monkeypatch.setattr(dispatch, "SPREAD", timedelta())
    put(30)
    with relay() as server:
        server.answers += ["450 4.7.1 too many"] * 100
        built = build(server.url)
        built.send_due_mail()
        built.send_due_mail()
        assert sorted(row.attempts for row in rows(database)) == [0] * 25 + [1] * 5
        assert all(row.claimed_until is None for row in rows(database))

        clock.forward(seconds=relay_pause.PAUSE_SECONDS)
        server.answers.clear()
        built.send_due_mail()

    assert len(server.received) == 25
    assert len(rows(database)) == 5


def test_deferred_recipients_delay_no_other_mail(build, put, database):
    put(30)
    with relay() as server:
        for number in range(20):
            server.refuse[address(number)] = "451 4.7.1 rate limited"
        build(server.url).send_due_mail()

    assert len(server.received) == 10
    assert sorted(row.attempts for row in rows(database)) == [1] * 20


def test_deferred_recipients_between_deferrals_by_the_relay_do_not_prevent_the_pause(build, put, database):
    put(30)
    with relay() as server:
        server.answers += ["450 4.7.1 too many"] * 100
        for number in (1, 2, 4, 5):
            server.refuse[address(number)] = "450 4.2.0 greylisted"
        build(server.url).send_due_mail()

    assert sorted(row.attempts for row in rows(database)) == [0] * 21 + [1] * 9


@pytest.mark.parametrize("field", ["throttle", "refuse_sender"])
def test_a_relay_that_closes_or_refuses_our_sender_each_time_gets_a_pause(build, put, database, field):
    put(30)
    with relay() as server:
        setattr(server, field, "421 4.7.0 enough" if field == "throttle" else "450 4.7.1 too many")
        built = build(server.url)
        built.send_due_mail()
        built.send_due_mail()
        assert sorted(row.attempts for row in rows(database)) == [0] * 25 + [1] * 5
        assert all(row.claimed_until is None for row in rows(database))


def test_a_relay_that_defers_every_recipient_is_asked_once_for_each_mail(build, put, database):
    put(30)
    with relay() as server:
        server.throttle = "450 4.7.1 too many recipients"
        built = build(server.url)
        built.send_due_mail()
        built.send_due_mail()

    assert [row.attempts for row in rows(database)] == [1] * 30


def test_some_full_mailboxes_are_no_reason_for_a_pause(build, put, database):
    put(30)
    with relay() as server:
        for number in range(0, 30, 5):
            server.refuse[address(number)] = "452 4.2.2 full"
        build(server.url).send_due_mail()

    assert len(server.received) == 24
