"""No mail is lost when a worker is killed or its database fails, and hardly any is sent twice."""

import random
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from campaign.clock import SYSTEM_CLOCK
from campaign.mail import dispatch, outbox
from campaign.mail.outbox import OutboxMail
from campaign.mail.sealed_content import NewMail
from campaign.worker.tasks import Tasks
from tests.conftest import ON_SQLITE
from tests.support.relay import free_port, relay
from tests.support.worker import eventually, start, worker

pytestmark = pytest.mark.fault

KILLS = 2
MAILS = (KILLS + 1) * dispatch.BATCH
"""Enough that every worker finds some that the killed ones before it did not claim."""
CUT_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()
"""

LEASE = timedelta(seconds=1)
"""Short, so that the next worker soon claims the mails of a killed one."""


def address(number: int) -> str:
    return f"mara{number}@example.org"


@pytest.fixture
def put(database, keys):
    def put(*numbers: int) -> None:
        mails = [NewMail("confirm", "en", address(each), {"token": f"{each:020}"}) for each in numbers]
        with database.writing() as db:
            outbox.add_all(db, keys, mails, now=SYSTEM_CLOCK())

    return put


def waiting(database) -> int:
    with database.reading() as db:
        return db.scalar(select(func.count()).select_from(OutboxMail)) or 0


def claimed(database) -> bool:
    with database.reading() as db:
        return db.scalar(select(OutboxMail.claimed_until)) is not None


def test_workers_killed_at_any_moment_lose_no_mail_and_repeat_one_each_at_most(settings, put, database):
    put(*range(MAILS))
    seed = random.randrange(1_000_000)  # noqa: S311 - no secret
    moments = random.Random(seed)  # noqa: S311
    with relay() as server:
        settings = replace(settings, smtp_url=server.url)
        for kill in range(KILLS):
            process = start(settings, lease=LEASE)
            reached = len(server.received) + moments.randrange(1, 25)
            assert eventually(lambda reached=reached: len(server.received) >= reached), (seed, kill)
            process.kill()
            process.wait()
        with worker(settings, lease=LEASE):
            # Mails claimed by killed workers come back when the lease ends; the sweep finds them.
            assert eventually(lambda: waiting(database) == 0, 90), seed

    arrived = Counter(server.recipients)
    assert set(arrived) == {address(number) for number in range(MAILS)}, seed
    assert sum(arrived.values()) - MAILS <= KILLS, seed


def test_two_workers_at_once_repeat_nothing(settings, put, database):
    put(*range(MAILS))
    with relay() as server:
        settings = replace(settings, smtp_url=server.url)
        with worker(settings), worker(settings):
            assert eventually(lambda: waiting(database) == 0, 60)

    assert Counter(server.recipients) == Counter(address(number) for number in range(MAILS))


@pytest.mark.any_database
def test_a_worker_that_starts_before_its_relay_sends_all_with_the_first_mail_after_it(
    settings, put, database
):
    put(*range(30))
    port, log = free_port(), settings.instance / "worker.log"
    settings = replace(settings, smtp_url=f"smtp://127.0.0.1:{port}")
    with worker(settings, log=log):
        assert eventually(lambda: b"no mail can leave now" in log.read_bytes())
        with relay(port=port) as server:
            put(30)
            web = Tasks(settings, database)
            web.wake()
            web.close()
            assert eventually(lambda: waiting(database) == 0, 30)

    assert len(server.received) == 31


@ON_SQLITE
def test_a_locked_database_delays_mails_but_loses_none(settings, put, database):
    put(1, 2)
    with relay() as server:
        server.seconds_per_message = 0.5
        with worker(replace(settings, smtp_url=server.url)):
            assert eventually(lambda: server.received)
            with database.writing():
                time.sleep(2)
            assert eventually(lambda: waiting(database) == 0, 60)

    assert Counter(server.recipients) == Counter([address(1), address(2)])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_mail_that_left_while_the_database_cut_its_connections_does_not_leave_again(
    settings, put, database
):
    put(1)
    with relay() as server:
        server.seconds_per_message = 1
        with worker(replace(settings, smtp_url=server.url)):
            assert eventually(lambda: claimed(database))
            with database.engine.connect() as connection:
                connection.execute(text(CUT_OTHERS))
            assert eventually(lambda: waiting(database) == 0)

    assert server.recipients == [address(1)]
