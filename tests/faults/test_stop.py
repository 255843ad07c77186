"""A stopped site finishes its requests and the current mail, and ends soon."""

import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.serving import Answer, Server, serving
from tests.support.relay import breaking_relay, relay
from tests.support.worker import eventually

pytestmark = pytest.mark.fault

ENDS_SECONDS = 15
"""Ten are promised; a busy machine may take longer to end processes."""


def waiting(site: Server) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(site.instance / "campaign.sqlite")) as db:
        return db.execute("SELECT attempts, claimed_until FROM outbox WHERE status = 'waiting'").fetchall()


def connections(port: int) -> int:
    """Return the number of connections to *port*, or 0 while the server has not read all that came."""
    ours, established = f":{port:04X}", "01"
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    unread = [
        line[4].partition(":")[2] for line in lines if line[1].endswith(ours) and line[3] == established
    ]
    return 0 if any(int(each, 16) for each in unread) else len(unread)


def test_a_stopped_site_answers_waiting_requests_and_finishes_the_current_mail(tmp_path: Path) -> None:
    with relay() as post_office, serving(tmp_path, smtp_url=post_office.url) as site:
        post_office.seconds_per_message = 0.2
        for number in range(8):
            assert site.browser().sign(email=f"mara{number}@example.org").is_done
        assert eventually(lambda: post_office.received)
        post_office.seconds_per_message = 2
        answers: list[Answer] = []
        with closing(sqlite3.connect(site.instance / "campaign.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            late = threading.Thread(
                target=lambda: answers.append(site.browser().sign(email="late@example.org"))
            )
            before = connections(site.port)
            late.start()
            assert eventually(lambda: connections(site.port) > before)
            time.sleep(0.5)
            assert eventually(lambda: connections(site.port) > before)
            # As from systemd, the signal goes to every process; the worker gets another one from its parent.
            os.killpg(site.process.pid, signal.SIGTERM)
            time.sleep(0.5)
            other.execute("COMMIT")
        os.killpg(site.process.pid, signal.SIGTERM)
        late.join()

        assert answers[0].is_done
        assert site.process.wait(ENDS_SECONDS) == 0
        assert eventually(lambda: not site.processes())
        # No mail is begun after the signal, and each one that was begun has an outcome.
        assert waiting(site) == [(0, None)] * (9 - len(post_office.received))
        assert len(post_office.received) < 8

        post_office.seconds_per_message = 0
        site.start()
        assert eventually(lambda: not waiting(site))
        assert set(Counter(post_office.recipients).values()) == {1}
        assert len(post_office.recipients) == 9


def test_a_stopped_site_does_not_wait_for_a_silent_relay(tmp_path: Path) -> None:
    with breaking_relay("END", "stall") as post_office, serving(tmp_path, smtp_url=post_office.url) as site:
        for number in range(3):
            assert site.browser().sign(email=f"mara{number}@example.org").is_done
        assert eventually(lambda: "END" in post_office.heard)
        site.process.terminate()

        assert site.process.wait(ENDS_SECONDS) == 0
        assert eventually(lambda: not site.processes())
        # The current mail may have been accepted, so it counts as tried; no lease remains to be waited for.
        assert sorted(waiting(site)) == [(0, None), (0, None), (1, None)]
