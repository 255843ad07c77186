"""The queue of the worker, requests to send, and the periodic jobs."""

import json
import os
from datetime import datetime

import pytest

from campaign.database.fact import read_fact, save_fact
from campaign.worker import tasks
from campaign.worker.job import Run
from campaign.worker.schedule import EVERY_MINUTE, Entry
from campaign.worker.tasks import Tasks
from tests.worker.outbox_rows import ADDRESS, lose_queue, rows

pytestmark = pytest.mark.any_database


def test_a_burst_of_signatures_requests_sending_once_a_second(build, clock):
    built = build()
    for _ in range(50):
        built.wake()
    assert built.huey.pending_count() == 1

    clock.forward(seconds=tasks.WAKE_SECONDS)
    built.wake()
    assert built.huey.pending_count() == 2


@pytest.mark.both_databases
def test_a_request_never_fails(build, caplog):
    built = build()
    with built.huey.storage.db(commit=True) as cursor:
        for table in ("task", "huey_task"):
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
    built.wake()

    assert "requesting to send mails failed" in caplog.text


@pytest.mark.both_databases
def test_a_lost_queue_is_recreated_and_its_tasks_are_requested_again(build, put, caplog):
    built = build()
    put()
    built.wake()
    lose_queue(built)
    built.repair_queue()

    assert "checking the queue failed" in caplog.text
    assert built.huey.pending_count() == 1


@pytest.mark.parametrize("is_running", [False, True])
def test_a_queue_file_that_is_no_database_is_recreated(build, put, settings, is_running):
    if is_running:
        built = build()
        built.close()
    (settings.instance / "queue.sqlite").write_bytes(os.urandom(20_000))
    if not is_running:
        built = build()
    put()
    built.repair_queue()
    built.wake()

    assert built.huey.pending_count() >= 1


def test_the_queue_does_not_grow_where_no_worker_runs(build, monkeypatch):
    monkeypatch.setattr(tasks, "WAKE_SECONDS", 0)
    built = build()
    for _ in range(tasks.QUEUE_LIMIT + 10):
        built.wake()

    assert built.huey.pending_count() == tasks.QUEUE_LIMIT


def test_the_sweep_finds_mails_whose_task_was_lost(build, put):
    built = build()
    built.sweep()
    assert built.huey.pending_count() == 0

    put()
    built.sweep()
    assert built.huey.pending_count() == 1


@pytest.mark.both_databases
def test_the_sweep_erases_a_mail_that_is_a_day_old(build, put, database, clock):
    put()
    clock.forward(days=1)

    build().sweep()

    [row] = rows(database)
    assert (row.status, row.sealed) == ("expired", None)


def test_the_schedule_says_what_runs_when(build):
    registered = {task.name: task for task in build().huey._registry.periodic_tasks}
    times = [datetime(2026, 11, 23, hour, minute) for hour in range(24) for minute in range(60)]  # noqa: DTZ001 - as huey asks

    runs = {name: sum(map(task.validate_datetime, times)) for name, task in registered.items()}

    every_minute = dict.fromkeys(("sweep", "note_mails", "publish_count", "empty_log"), 1440)
    assert runs == every_minute | {"sort_pages": 24, "erase_due": 24, "recount": 1}
    assert registered["recount"].validate_datetime(datetime(2026, 11, 23, 2, 30))  # noqa: DTZ001


@pytest.mark.both_databases
def test_a_periodic_job_gets_a_session_that_is_committed_afterwards(build, database, clock):
    def note(run: Run) -> None:
        save_fact(run.db, "noted", run.now.isoformat())

    run_once(build(schedule=[Entry("note", EVERY_MINUTE, note, "")]))

    with database.reading() as db:
        assert read_fact(db, "noted") == clock().isoformat()


def test_a_periodic_job_that_fails_is_logged_without_the_errors_text(build, caplog):
    def fail(run: Run) -> None:
        raise RuntimeError(f"cannot erase {ADDRESS}")

    run_once(build(schedule=[Entry("erase_due", EVERY_MINUTE, fail, "")]))

    assert "erase_due failed: RuntimeError in fail" in caplog.text
    assert "canary" not in caplog.text


def run_once(built: Tasks) -> None:
    """Run the one periodic task, as the consumer does."""
    [task] = built.huey._registry.periodic_tasks
    task.execute()


@pytest.mark.both_databases
def test_tasks_carry_nothing_and_run_no_code_of_others(build, put):
    built = build()
    put()
    built.wake()
    [task] = built.huey.storage.enqueued_items()
    stored = json.loads(bytes(task))

    assert stored[1] == "campaign.worker.tasks.send_due_mail"
    assert stored[6:8] == [[], {}]
