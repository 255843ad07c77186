"""A mail worker in a process of its own, as ``campaign work`` runs it, that tests can kill."""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from campaign.database.session import Database
from campaign.mail import dispatch, outbox
from campaign.settings import Settings
from campaign.worker.schedule import SCHEDULE
from campaign.worker.tasks import Tasks
from tests.support import fork_server
from tests.support.driver import python_path
from tests.support.fork_server import Process

LONGEST_PAUSE = 0.06
"""Seconds between two looks; each asks a database or a site, and what tests wait for lasts longer."""


def start(settings: Settings, *, log: Path | None = None, **how: Any) -> Process:
    """Start a worker; its log goes to *log*, and *how* it works is as in :func:`described`."""
    with (log or settings.instance / "worker.log").open("ab") as file:
        environment = os.environ | {"PYTHONPATH": python_path(settings.database_url)}
        return fork_server.start(
            "tests.support.worker", described(settings, **how), env=environment, stdout=file, stderr=file
        )


def described(
    settings: Settings,
    *,
    lease: timedelta = outbox.LEASE,
    idle_seconds: float = dispatch.IDLE_SECONDS,
    jobs: Collection[str] = ("sweep",),
    follow_parent: bool = False,
) -> str:
    """Return the argument of ``python -m tests.support.worker`` for one that runs the periodic *jobs*."""
    return json.dumps(
        {
            "settings": {
                "instance": str(settings.instance),
                "database_url": settings.database_url,
                "secret_key": settings.secret_key,
                "smtp_url": settings.smtp_url,
            },
            "lease_seconds": lease.total_seconds(),
            "idle_seconds": idle_seconds,
            "jobs": [*jobs],
            "follow_parent": follow_parent,
        }
    )


@contextmanager
def worker(settings: Settings, **how: Any) -> Iterator[Process]:
    """Run a worker while the block lasts."""
    process = start(settings, **how)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def eventually(happens: Callable[[], object], seconds: float = 120) -> bool:
    """Wait until *happens* returns something true; return whether it did.

    Args:
        happens: Called again and again, at first often, since most things happen at once.
        seconds: Upper bound, for a machine that does other work too; nothing waits so long when all is well.
    """
    end, pause = time.monotonic() + seconds, 0.01
    while not happens():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
    return True


@contextmanager
def meanwhile(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Do *work* in a thread while the block lasts; its event is set at the end."""
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def main() -> None:
    how = json.loads(sys.argv[1])
    logging.basicConfig(level=logging.DEBUG)
    given = how["settings"]
    settings = Settings(**given | {"instance": Path(given["instance"])})
    dispatch.IDLE_SECONDS = how["idle_seconds"]
    database = Database(settings.database_url)
    schedule = [entry for entry in SCHEDULE if entry.name in how["jobs"]]
    tasks = Tasks(settings, database, schedule=schedule, lease=timedelta(seconds=how["lease_seconds"]))
    tasks.run_worker(follow_parent=how["follow_parent"])
    database.close()


if __name__ == "__main__":
    main()
