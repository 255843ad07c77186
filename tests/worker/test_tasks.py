import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from huey import SqliteHuey
from sqlalchemy import delete, event, select, update
from sqlalchemy.exc import OperationalError

from campaign.database.fact import Fact, read_fact
from campaign.mail import dispatch, outbox, relay_pause
from campaign.mail.outbox import OutboxMail
from campaign.settings import Settings
from campaign.signature.link import find_by_token, request_links
from campaign.worker import tasks
from campaign.worker.tasks import Tasks
from tests.conftest import NOW
from tests.support.factories import make_signature
from tests.support.relay import breaking_relay, free_port, relay
from tests.support.worker import eventually, note_recount, worker

pytestmark = pytest.mark.any_database

ADDRESS = "mara.canary@example.org"


@pytest.fixture
def put(database, keys):
    """Commit mails to the outbox, as signing does."""

    def put(number: int = 1, *, recipient: str = ADDRESS, purpose: str = "confirm", **params: object) -> None:
        with database.writing() as db:
            for n in range(number):
                outbox.add(
                    db,
                    keys,
                    purpose=purpose,
                    language="en",
                    recipient=recipient.replace("@", f"{n}@", 1) if number > 1 else recipient,
                    params=params or {"token": f"{n:020}"},
                    now=datetime.now(UTC),
                )

    return put


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    """Linger in this process just long enough to be seen; workers of their own linger as they do."""
    monkeypatch.setattr(dispatch, "IDLE_SECONDS", 0.4)


@pytest.fixture
def build(settings, database) -> Iterator:
    """Build the tasks for a relay's address."""
    built: list[Tasks] = []

    def build(smtp_url: str = "", **how: object) -> Tasks:
        built.append(tasks.build(replace(settings, smtp_url=smtp_url), database, periodic={}, **how))
        return built[-1]

    yield build
    for each in built:
        each.close()


def rows(database) -> list[OutboxMail]:
    with database.reading() as db:
        return list(db.scalars(select(OutboxMail).order_by(OutboxMail.created_at)))


def to(settings: Settings, server) -> Settings:
    return replace(settings, smtp_url=server.url)


@pytest.mark.both_databases
def test_what_is_due_is_sent_over_one_connection_and_forgotten(build, put, database):
    put(45)
    with relay() as server:
        build(server.url).send_due_mail()

    assert sorted(server.recipients) == sorted(ADDRESS.replace("@", f"{n}@") for n in range(45))
    assert server.connections == 1
    assert rows(database) == []


@pytest.mark.both_databases
def test_a_claim_that_the_database_did_not_keep_sends_nothing_twice(build, put, database):
    put(3)
    failing = [OperationalError("COMMIT", {}, Exception("the connection was cut"))]

    def cut(_connection) -> None:
        if failing:
            raise failing.pop()

    with relay() as server:
        worker_of_ours = build(server.url)
        event.listen(database.engine, "commit", cut)
        worker_of_ours.send_due_mail()  # which tries again soon

    assert not failing
    assert sorted(server.recipients) == sorted(ADDRESS.replace("@", f"{n}@") for n in range(3))
    assert rows(database) == []


@pytest.mark.both_databases
@pytest.mark.parametrize("hears_many", [False, True])
def test_a_mail_is_settled_before_the_next_one_is_handed_over(build, put, database, hears_many):
    put(4)
    put(purpose=outbox.DECOY)
    put(recipient="last@example.org")
    left: list[int] = []
    with relay() as server:
        server.hears_many = hears_many
        server.refuse[ADDRESS.replace("@", "2@")] = "550 no such user"
        server.at_message = lambda: left.append(len(rows(database)))
        build(server.url).send_due_mail()

    assert left == [6, 5, 4, 2]  # two rows less for the decoy; the one refused is kept, to be shown
    assert [row.status for row in rows(database)] == ["failed"]


def test_a_mail_that_left_while_the_database_took_nothing_does_not_leave_again(build, put, database):
    put(3)
    refused: list[float] = []

    def refuse(_connection, _cursor, statement, *_rest) -> None:
        is_away = not refused or time.monotonic() < refused[0] + 2
        if statement.startswith("DELETE FROM outbox") and is_away:
            refused.append(time.monotonic())
            raise OperationalError(statement, {}, Exception("away"))

    with relay() as server:
        server.hears_many = True
        event.listen(database.engine, "before_cursor_execute", refuse)
        built = build(server.url, lease=timedelta(seconds=1.2))

        def has_sent_all() -> bool:
            built.send_due_mail()
            with database.writing() as db:
                db.execute(update(OutboxMail).values(due_at=datetime.now(UTC)))
            return not rows(database)

        assert eventually(has_sent_all, 30)

    assert sorted(server.recipients) == sorted(ADDRESS.replace("@", f"{n}@") for n in range(3))


@pytest.mark.both_databases
def test_the_worker_finds_out_who_gets_the_links_that_were_asked_for(build, database, keys):
    with database.session(writes=True) as db:
        made = make_signature(db, keys, email=ADDRESS)
        for email in (ADDRESS, "nobody@example.org"):
            request_links(db, email, language="en", keys=keys, now=datetime.now(UTC))
        db.commit()
    with relay() as server:
        build(server.url).send_due_mail()

    assert server.recipients == [ADDRESS]
    assert rows(database) == []
    [token] = re.findall(r"/signature/([0-9A-Z]{20})", server.received[0].get_body(("plain",)).get_content())
    with database.reading() as db:
        assert find_by_token(db, token, now=NOW, confirmation_days=7).id == made.row.id


def test_once_digests_are_useless_nobody_is_found(build, database, keys):
    with database.session(writes=True) as db:
        make_signature(db, keys, email=ADDRESS)
        request_links(db, ADDRESS, language="en", keys=keys, now=datetime.now(UTC))
        db.execute(delete(Fact).where(Fact.name == "digest_salt"))
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


def test_a_burst_that_goes_on_shares_the_connection(build, put, monkeypatch):
    monkeypatch.setattr(dispatch, "IDLE_SECONDS", 2)

    def sign() -> None:
        for n in range(8):
            put(recipient=f"mara{n}@example.org")
            time.sleep(0.3)

    with relay() as server:
        signing = threading.Thread(target=sign)
        signing.start()
        time.sleep(0.1)
        build(server.url).send_due_mail()
        signing.join()

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
def test_a_mail_refused_for_now_is_sent_later(build, put, database):
    put()
    with relay() as server:
        server.answers.append("451 try later")
        built = build(server.url)
        built.send_due_mail()
        [row] = rows(database)
        assert (row.status, row.failure_code, row.claimed_until) == ("waiting", 451, None)
        assert row.due_at - row.created_at >= timedelta(seconds=60)

        with database.writing() as db:
            db.execute(update(OutboxMail).values(due_at=datetime.now(UTC)))
        built.send_due_mail()

    assert len(server.received) == 1
    assert rows(database) == []


def test_a_relay_that_puts_off_one_mail_after_another_is_left_alone_for_a_while(
    build, put, database, monkeypatch
):
    monkeypatch.setattr(relay_pause, "PAUSE_SECONDS", 0.5)
    put(30)
    with relay() as server:
        server.answers += ["450 4.7.1 too many"] * 100
        built = build(server.url)
        built.send_due_mail()
        built.send_due_mail()
        assert sorted(row.attempts for row in rows(database)) == [0] * 25 + [1] * 5
        assert all(row.claimed_until is None for row in rows(database))

        time.sleep(0.5)
        server.answers.clear()
        built.send_due_mail()

    assert len(server.received) == 25
    assert len(rows(database)) == 5


def test_recipients_whose_providers_put_them_off_hold_up_nobody_else(build, put, database):
    put(30)
    with relay() as server:
        for number in range(20):
            server.refuse[ADDRESS.replace("@", f"{number}@")] = "451 4.7.1 rate limited"
        build(server.url).send_due_mail()

    assert len(server.received) == 10
    assert sorted(row.attempts for row in rows(database)) == [1] * 20


def test_deferred_recipients_between_deferrals_by_the_relay_do_not_prevent_the_pause(build, put, database):
    put(30)
    with relay() as server:
        server.answers += ["450 4.7.1 too many"] * 100
        for number in (1, 2, 4, 5):
            server.refuse[ADDRESS.replace("@", f"{number}@")] = "450 4.2.0 greylisted"
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


def test_one_mailbox_that_is_full_for_now_is_no_reason_to_leave_the_relay_alone(build, put, database):
    put(30)
    with relay() as server:
        for number in range(0, 30, 5):
            server.refuse[ADDRESS.replace("@", f"{number}@")] = "452 4.2.2 full"
        build(server.url).send_due_mail()

    assert len(server.received) == 24


@pytest.mark.parametrize("closes", [False, True])
def test_a_relay_that_takes_so_many_in_one_connection_gets_all_in_some(build, put, database, closes):
    put(110)
    with relay() as server:
        server.per_connection, server.closes = 50, closes
        build(server.url).send_due_mail()

    assert len(set(server.recipients)) == len(server.recipients) == 110
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
    assert [row.attempts for row in left].count(1) == 1, "the one in hand"
    assert [row.attempts for row in left].count(0) == 9
    assert all(row.status == "waiting" and row.sealed and row.claimed_until is None for row in left)


@pytest.mark.both_databases
def test_nothing_is_locked_while_the_relay_is_spoken_to(build, put, database):
    put()
    with relay() as server:
        server.seconds_per_message = 2
        built = build(server.url)
        sending = threading.Thread(target=built.send_due_mail)
        sending.start()
        assert eventually(lambda: rows(database)[0].claimed_until)
        time.sleep(0.3)

        began = time.monotonic()
        put(recipient="other@example.org")

        assert time.monotonic() - began < 1
        assert server.received == []
        sending.join()


@pytest.mark.both_databases
def test_a_lease_that_runs_out_on_a_slow_relay_makes_no_second_mail(build, put, monkeypatch):
    monkeypatch.setattr(dispatch, "IDLE_SECONDS", 2)
    put(6)
    with relay() as server:
        server.seconds_per_message = 0.4
        workers = [build(server.url, lease=timedelta(seconds=1)) for _ in range(2)]
        threads = [threading.Thread(target=each.send_due_mail) for each in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(server.recipients) == len(set(server.recipients)) == 6


def test_a_second_call_in_one_process_leaves_it_to_the_first(build, put):
    put()
    with relay() as server:
        server.seconds_per_message = 0.5
        built = build(server.url)
        first = threading.Thread(target=built.send_due_mail)
        first.start()
        time.sleep(0.2)
        began = time.monotonic()
        built.send_due_mail()

        assert time.monotonic() - began < 0.2
        first.join()
    assert server.connections == 1


def test_a_burst_of_signatures_asks_once_a_second(build):
    built = build()
    for _ in range(50):
        built.wake()
    assert built.huey.pending_count() == 1

    time.sleep(tasks.WAKE_SECONDS)
    built.wake()
    assert built.huey.pending_count() == 2


@pytest.mark.both_databases
def test_asking_never_fails(build, caplog):
    built = build()
    with built.huey.storage.db(commit=True) as cursor:
        for table in ("task", "huey_task"):
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
    built.wake()

    assert "asking for mails to be sent failed" in caplog.text


@pytest.mark.both_databases
def test_a_queue_that_was_lost_is_made_anew_and_what_stood_in_it_asked_for_again(build, put, caplog):
    built = build()
    put()
    built.wake()
    lose_queue(built)
    built.mend_queue()

    assert "looking into the queue failed" in caplog.text
    assert built.huey.pending_count() == 1


@pytest.mark.parametrize("is_running", [False, True])
def test_a_queue_that_is_no_database_any_more_is_made_anew(build, put, settings, is_running):
    if is_running:
        built = build()
        built.close()
    (settings.instance / "queue.sqlite").write_bytes(os.urandom(20_000))
    if not is_running:
        built = build()
    put()
    built.mend_queue()
    built.wake()

    assert built.huey.pending_count() >= 1


def lose_queue(built: Tasks) -> None:
    """Lose all that the queue is kept in, while others have it open."""
    if isinstance(built.huey, SqliteHuey):
        for path in Path(built.huey.storage.filename).parent.glob("queue.sqlite*"):
            path.unlink()
        return
    with built.huey.storage.db(commit=True) as cursor:
        for table in ("task", "schedule", "kv", "counter"):
            cursor.execute(f"DROP TABLE huey_{table}")


@pytest.mark.both_databases
def test_a_running_worker_that_loses_its_queue_sends_what_is_due_all_the_same(settings, put, build, database):
    log = settings.instance / "worker.log"
    with relay() as server, worker(to(settings, server), log=log, idle_seconds=0.2):
        assert eventually(lambda: b"Huey consumer started" in log.read_bytes())
        time.sleep(1)  # until it lingers no more
        lose_queue(build())
        put(3)

        assert eventually(lambda: len(server.received) == 3)
        assert eventually(lambda: rows(database) == [])


def test_the_queue_does_not_grow_where_no_worker_runs(build, monkeypatch):
    monkeypatch.setattr(tasks, "WAKE_SECONDS", 0)
    built = build()
    for _ in range(tasks.QUEUED_AT_MOST + 10):
        built.wake()

    assert built.huey.pending_count() == tasks.QUEUED_AT_MOST


def test_the_sweep_finds_what_nobody_asked_for(build, put):
    built = build()
    built.sweep()
    assert built.huey.pending_count() == 0

    put()
    built.sweep()
    assert built.huey.pending_count() == 1


@pytest.mark.both_databases
def test_the_sweep_erases_what_is_over(build, put, database):
    put()
    with database.writing() as db:
        db.execute(update(OutboxMail).values(created_at=datetime.now(UTC) - timedelta(days=1)))

    build().sweep()

    [row] = rows(database)
    assert (row.status, row.sealed) == ("expired", None)


@pytest.mark.both_databases
def test_periodic_work_gets_a_session_that_is_committed(settings, database):
    built = tasks.build(settings, database, periodic={"recount": note_recount})
    [recount] = [task for task in built.huey._registry.periodic_tasks if task.name == "recount"]
    assert recount.validate_datetime(datetime(2026, 11, 23, 2, 30))  # noqa: DTZ001 - as huey asks
    assert not recount.validate_datetime(datetime(2026, 11, 23, 3, 30))  # noqa: DTZ001

    recount.execute()
    built.close()

    with database.reading() as db:
        assert read_fact(db, "worker_recounted")


def test_periodic_work_that_fails_is_logged_without_its_words(settings, database, caplog):
    def fail(db, now) -> None:
        raise RuntimeError(f"cannot erase {ADDRESS}")

    built = tasks.build(settings, database, periodic={"erase_due": fail})
    [erase] = [task for task in built.huey._registry.periodic_tasks if task.name == "erase_due"]
    erase.execute()
    built.close()

    assert "erase_due failed: RuntimeError in fail" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.both_databases
def test_tasks_carry_nothing_and_run_no_code_of_others(build, settings, put):
    built = build()
    put()
    built.wake()
    [task] = built.huey.storage.enqueued_items()
    kept = json.loads(bytes(task))

    assert kept[1] == "campaign.worker.tasks.send_due_mail"
    assert kept[6:8] == [[], {}]


def test_neither_queue_nor_database_nor_log_names_anybody(settings, put, tmp_path):
    log = settings.instance / "worker.log"
    put(3)
    with relay() as server:
        server.refuse[ADDRESS.replace("@", "1@")] = f"550 <{ADDRESS}> unknown"
        server.refuse[ADDRESS.replace("@", "2@")] = f"451 <{ADDRESS}> later"
        with worker(to(settings, server), log=log):
            assert eventually(lambda: b"SMTP status 451" in log.read_bytes())

    assert len(server.received) == 1
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert log in kept
    for path in kept:
        assert b"canary" not in path.read_bytes(), path


@pytest.mark.both_databases
def test_the_first_mail_leaves_within_a_second(settings, put, build):
    with relay() as server, worker(to(settings, server)):
        put()
        assert eventually(lambda: len(server.received) == 1), "the sweep at the start sends it"
        # Long enough that the worker lingers no more, and looks for tasks at its slowest.
        time.sleep(4)

        put(recipient="second@example.org")
        began = time.monotonic()
        build().wake()

        assert eventually(lambda: len(server.received) == 2)
        assert time.monotonic() - began < 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_told_to_stop_settles_the_mail_in_hand_and_gives_back_the_rest(
    settings, put, database, number
):
    put(5)
    with relay() as server, worker(to(settings, server)) as process:
        server.seconds_per_message = 0.5
        assert eventually(lambda: server.received)
        process.send_signal(number)

        assert process.wait(10) == 0
        time.sleep(0.6)
        left = rows(database)
        assert len(left) == 5 - len(server.received)
        assert len(left) > 0
        assert all(row.claimed_until is None and row.attempts == 0 for row in left)


def test_a_worker_stops_when_its_parent_is_gone(settings):
    code = (
        "import sys, time; from pathlib import Path; from campaign.settings import Settings;"
        "from tests.support.worker import start;"
        "settings = Settings(instance=Path(sys.argv[1]), database_url=sys.argv[2], secret_key=sys.argv[3]);"
        "print(start(settings, follow_parent=True).pid, flush=True); time.sleep(60)"
    )
    how = [str(settings.instance), settings.database_url, settings.secret_key]
    with subprocess.Popen([sys.executable, "-c", code, *how], stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        assert eventually(lambda: b"Huey consumer started" in (settings.instance / "worker.log").read_bytes())
        assert is_running(pid)
        parent.kill()

    assert eventually(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
