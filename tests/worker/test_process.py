"""A worker in a process of its own: how it starts, recovers and stops."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from campaign.clock import SYSTEM_CLOCK
from campaign.settings import Settings
from tests.support.driver import ROOT
from tests.support.relay import Relay, relay
from tests.support.worker import described, eventually, worker
from tests.worker.outbox_rows import ADDRESS, address, lose_queue, rows

pytestmark = pytest.mark.any_database


@pytest.fixture
def put(put_at: Callable[..., None]) -> Callable[..., None]:
    """Commit mails to the outbox now, by the clock of the worker's process."""

    def put(number: int = 1, **mail: object) -> None:
        put_at(SYSTEM_CLOCK(), number, **mail)

    return put


def to(settings: Settings, server: Relay) -> Settings:
    return replace(settings, smtp_url=server.url)


def has_started(log: Path) -> bool:
    return b"Huey consumer started" in log.read_bytes()


@pytest.mark.both_databases
def test_a_running_worker_that_loses_its_queue_sends_due_mails_all_the_same(settings, put, build, database):
    log = settings.instance / "worker.log"
    with relay() as server, worker(to(settings, server), log=log, jobs=()):
        assert eventually(lambda: has_started(log))
        lose_queue(build())
        put(3)

        assert eventually(lambda: len(server.received) == 3)
        assert eventually(lambda: rows(database) == [])


@pytest.mark.both_databases
def test_a_mail_leaves_when_it_is_requested_and_needs_no_sweep(settings, put, build):
    with relay() as server, worker(to(settings, server), jobs=(), idle_seconds=0.2):
        put()
        build().wake()
        assert eventually(lambda: len(server.received) == 1)

        put(recipient="second@example.org")
        build().wake()
        assert eventually(lambda: len(server.received) == 2)


def test_at_its_start_a_worker_sweeps_the_outbox(settings, put):
    put()
    with relay() as server, worker(to(settings, server)):
        assert eventually(lambda: len(server.received) == 1)


def test_neither_queue_nor_database_nor_log_names_anybody(settings, put, tmp_path):
    log = settings.instance / "worker.log"
    put(3)
    with relay() as server:
        server.refuse[address(1)] = f"550 <{ADDRESS}> unknown"
        server.refuse[address(2)] = f"451 <{ADDRESS}> later"
        with worker(to(settings, server), log=log):
            assert eventually(lambda: b"SMTP status 451" in log.read_bytes())
            assert eventually(lambda: b"SMTP status 550" in log.read_bytes())

    assert len(server.received) == 1
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert log in files
    for path in files:
        assert b"canary" not in path.read_bytes(), path


@pytest.mark.both_databases
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_worker_finishes_the_current_mail_and_releases_the_rest(settings, put, database, number):
    put(5)
    with relay() as server, worker(to(settings, server)) as process:
        server.seconds_per_message = 0.5
        assert eventually(lambda: server.received)
        process.send_signal(number)

        assert process.wait(60) == 0
        assert eventually(lambda: len(rows(database)) == 5 - len(server.received))
        left = rows(database)
        assert len(left) > 0
        assert all(row.claimed_until is None and row.attempts == 0 for row in left)


def test_a_worker_stops_when_its_parent_is_gone(settings):
    code = (
        "import subprocess, sys, time; print(subprocess.Popen(sys.argv[1:]).pid, flush=True); time.sleep(600)"
    )
    child = [sys.executable, "-m", "tests.support.worker", described(settings, follow_parent=True)]
    with (
        (settings.instance / "worker.log").open("ab") as log,
        subprocess.Popen(
            [sys.executable, "-c", code, *child], cwd=ROOT, stdout=subprocess.PIPE, stderr=log
        ) as parent,
    ):
        pid = int(parent.stdout.readline())
        assert eventually(lambda: has_started(settings.instance / "worker.log"))
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
