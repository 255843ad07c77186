"""Sending the due mails of the outbox: one connection, no mail twice, each with its own outcome."""

import re
import threading
from datetime import timedelta
from itertools import islice

import pytest
from sqlalchemy import delete, event, select, update
from sqlalchemy.exc import OperationalError

from campaign.database.fact import Fact
from campaign.mail import outbox
from campaign.mail.outbox import OutboxMail
from campaign.sealing.code import new_code
from campaign.sealing.server_key import DIGEST_KEY
from campaign.signature.link import request_links
from tests.conftest import NOW
from tests.support.factories import find_by_token, make_signature
from tests.support.relay import breaking_relay, free_port, relay
from tests.support.worker import eventually
from tests.worker.outbox_rows import ADDRESS, address, rows

pytestmark = pytest.mark.any_database


@pytest.mark.both_databases
def test_due_mails_are_sent_over_one_connection_and_deleted(build, put, database):
    put(45)
    with relay() as server:
        build(server.url).send_due_mail()

    assert sorted(server.recipients) == sorted(address(n) for n in range(45))
    assert server.connections == 1
    assert rows(database) == []


@pytest.mark.both_databases
def test_a_claim_that_was_not_committed_sends_nothing_twice(build, put, database):
    put(3)
    failing = [OperationalError("COMMIT", {}, Exception("the connection was cut"))]

    def cut(_connection) -> None:
        if failing:
            raise failing.pop()

    with relay() as server:
        worker_of_ours = build(server.url)
        event.listen(database.engine, "commit", cut)
        worker_of_ours.send_due_mail()  # which tries again

    assert not failing
    assert sorted(server.recipients) == sorted(address(n) for n in range(3))
    assert rows(database) == []


@pytest.mark.both_databases
@pytest.mark.parametrize("pipelines", [False, True])
def test_a_mail_is_deleted_before_the_next_one_is_handed_over(build, put, database, pipelines):
    put(4)
    put(purpose=outbox.DECOY)
    put(recipient="last@example.org")
    left: list[int] = []
    with relay() as server:
        server.pipelines = pipelines
        server.refuse[address(2)] = "550 no such user"
        server.at_message = lambda: left.append(len(rows(database)))
        build(server.url).send_due_mail()

    assert left == [6, 5, 4, 2]  # two rows less for the decoy; the refused one stays, to be shown
    assert [row.status for row in rows(database)] == ["failed"]


def test_a_mail_that_left_while_the_database_refused_writes_does_not_leave_again(
    build, put, database, clock, monkeypatch
):
    put(3)
    refusals: list[str] = []

    def refuse(_connection, _cursor, statement, *_rest) -> None:
        if statement.startswith("DELETE FROM outbox") and len(refusals) < 20:
            refusals.append(statement)
            clock.forward(seconds=0.1)
            raise OperationalError(statement, {}, Exception("away"))

    with relay() as server:
        server.pipelines = True
        event.listen(database.engine, "before_cursor_execute", refuse)
        built = build(server.url, lease=timedelta(seconds=1.2))

        def has_sent_all() -> bool:
            built.send_due_mail()
            with database.writing() as db:
                db.execute(update(OutboxMail).values(due_at=clock()))
            return not rows(database)

        assert eventually(has_sent_all)

    assert len(refusals) == 20
    assert sorted(server.recipients) == sorted(address(n) for n in range(3))


@pytest.mark.both_databases
def test_the_worker_finds_out_which_links_an_address_gets(build, database, keys, clock):
    with database.session(writes=True) as db:
        made = make_signature(db, keys, email=ADDRESS)
        for email in (ADDRESS, "nobody@example.org"):
            request_links(db, email, language="en", keys=keys, now=clock())
        db.commit()
    with relay() as server:
        build(server.url).send_due_mail()

    assert server.recipients == [ADDRESS]
    assert rows(database) == []
    [token] = re.findall(r"/signature/([0-9A-Z]{20})", server.received[0].get_body(("plain",)).get_content())
    with database.reading() as db:
        assert find_by_token(db, token, now=NOW, confirmation_days=7).id == made.row.id


def test_the_link_in_the_last_mail_of_a_day_opens_what_was_signed_before(build, put, database, keys):
    with database.session(writes=True) as db:
        made = make_signature(db, keys, email=ADDRESS)
        db.commit()
    token = new_code()
    put(recipient=ADDRESS, token=token, is_last=True)
    with relay() as server:
        build(server.url).send_due_mail()

    assert server.recipients == [ADDRESS]
    with database.reading() as db:
        assert find_by_token(db, token, now=NOW, confirmation_days=7).id == made.row.id


def test_after_an_emergency_erasure_no_address_gets_links(build, database, keys, clock):
    with database.session(writes=True) as db:
        make_signature(db, keys, email=ADDRESS)
        request_links(db, ADDRESS, language="en", keys=keys, now=clock())
        db.execute(delete(Fact).where(Fact.name == DIGEST_KEY))
        db.commit()
    with relay() as server:
        build(server.url).send_due_mail()

    assert server.recipients == []
    assert rows(database) == []


def test_a_mail_carries_the_number_of_its_row(build, put, database):
    put()
    [row] = rows(database)
    with relay() as server:
        build(server.url).send_due_mail()

    assert server.received[0]["Message-ID"].startswith(f"<{row.id}@")


def test_mails_that_come_one_after_another_share_the_connection(build, put):
    put(recipient="mara0@example.org")
    numbers = iter(range(1, 8))

    def sign() -> None:
        for number in islice(numbers, 1):
            put(recipient=f"mara{number}@example.org")

    with relay() as server:
        server.at_message = sign
        build(server.url).send_due_mail()

    assert len(server.recipients) == 8
    assert server.connections == 1


@pytest.mark.both_databases
def test_one_bad_mail_does_not_stop_the_others(build, put, database):
    put(recipient="first@example.org")
    put(recipient="no address")
    put(recipient="unknown@example.org")
    put(purpose="nothing we know")
    put(token_is_missing="x")
    put(recipient="altered@example.org")
    put(recipient="last@example.org")
    with database.writing() as db:
        altered = db.scalars(select(OutboxMail).order_by(OutboxMail.created_at)).all()[5]
        altered.sealed = b"x" * 80
    with relay() as server:
        server.refuse["unknown@example.org"] = "550 no such user unknown@example.org"
        build(server.url).send_due_mail()

    assert server.recipients == ["first@example.org", "last@example.org"]
    left = [(row.status, row.failure_code, row.sealed is None) for row in rows(database)]
    assert sorted(left) == sorted(
        [
            ("failed", 553, True),
            ("failed", 550, True),
            ("waiting", 0, False),
            ("waiting", 0, False),
            ("failed", 0, True),
        ]
    )


@pytest.mark.both_databases
def test_a_deferred_mail_is_sent_later(build, put, database, clock):
    put()
    with relay() as server:
        server.answers.append("451 try later")
        built = build(server.url)
        built.send_due_mail()
        [row] = rows(database)
        assert (row.status, row.failure_code, row.claimed_until) == ("waiting", 451, None)
        assert row.due_at == clock() + timedelta(minutes=1)

        clock.forward(minutes=1)
        built.send_due_mail()

    assert len(server.received) == 1
    assert rows(database) == []


@pytest.mark.parametrize("closes", [False, True])
def test_a_relay_that_limits_a_connection_gets_all_mails_over_several(build, put, database, closes):
    put(45)
    with relay() as server:
        server.per_connection, server.closes = 20, closes
        build(server.url).send_due_mail()

    assert len(set(server.recipients)) == len(server.recipients) == 45
    assert server.connections == 3
    assert rows(database) == []


def test_a_mail_whose_acceptance_is_unknown_is_sent_again(build, put, database):
    put()
    with breaking_relay("END", "cut") as server:
        build(server.url).send_due_mail()

    [row] = rows(database)
    assert (row.status, row.attempts, row.sealed is None) == ("waiting", 1, False)


def test_without_a_relay_no_mail_is_put_off(build, put, database):
    put(30)
    port = free_port()
    built = build(f"smtp://127.0.0.1:{port}")
    built.send_due_mail()
    assert {(row.attempts, row.claimed_until) for row in rows(database)} == {(0, None)}

    with relay(port=port) as server:
        built.send_due_mail()

    assert len(server.received) == 30


def test_a_relay_that_dies_on_the_way_leaves_the_rest_for_its_return(build, put, database):
    put(10)
    with breaking_relay("RCPT", "die") as server:
        build(server.url).send_due_mail()

    left = rows(database)
    assert [row.attempts for row in left].count(1) == 1, "the one being sent"
    assert [row.attempts for row in left].count(0) == 9
    assert all(row.status == "waiting" and row.sealed and row.claimed_until is None for row in left)


@pytest.mark.both_databases
def test_nothing_is_locked_during_the_dialogue_with_the_relay(build, put):
    put()
    others = iter(["other@example.org"])

    def sign() -> None:
        for recipient in others:
            put(recipient=recipient)

    with relay() as server:
        server.at_message = sign
        build(server.url).send_due_mail()

    assert server.recipients == [ADDRESS, "other@example.org"]


@pytest.mark.both_databases
def test_a_lease_that_ends_while_a_relay_is_slow_makes_no_second_mail(build, put, clock):
    put(6)
    with relay() as server:
        server.at_message = lambda: clock.forward(seconds=0.4)
        workers = [build(server.url, lease=timedelta(seconds=1)) for _ in range(2)]
        threads = [threading.Thread(target=each.send_due_mail) for each in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        workers[0].send_due_mail()

    assert len(server.recipients) == len(set(server.recipients)) == 6


def test_a_second_call_in_one_process_leaves_it_to_the_first(build, put):
    put()
    returned: list[bool] = []
    with relay() as server:
        built = build(server.url)

        def call_again() -> None:
            built.send_due_mail()
            returned.append(len(server.received) == 0)

        server.at_message = call_again
        built.send_due_mail()

    assert returned == [True], "while the first call still sends"
    assert server.connections == 1
