"""Mails per second: a bare smtplib loop on one connection, and our worker with its outbox.

Run ``python -m tests.bench.mail [MAILS]``. The loop sends the very bytes that the worker sends, which lie
in its memory; the worker claims each mail, opens and writes it, hands it over and records the outcome.
Both send to the same sink, which accepts everything and stores nothing, and runs on the other core.
"""

import multiprocessing
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import func, select

from campaign.appeal import reading
from campaign.clock import SYSTEM_CLOCK
from campaign.database.session import Database
from campaign.database.table import Base
from campaign.mail import outbox
from campaign.mail.cause import Cause
from campaign.mail.dispatch import Dispatch
from campaign.mail.outbox import OutboxMail
from campaign.mail.signatory_mail import render
from campaign.mail.smtp_message import SmtpMessage, encode
from campaign.sealing.code import CROCKFORD
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from tests.bench import report, server
from tests.bench.report import RUNS, Figure

MAILS = 2000

SECRET = "made-up-secret-key-for-figures-only-0123456789"


class Sent(NamedTuple):
    """The result of one run."""

    per_second: float
    """From the first mail to the last, as the sink saw them."""
    per_busy_second: float
    """By the sender's processor time, from its start to its end."""
    bytes_each: int


def main() -> None:
    """Measure loop and worker in turn."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else MAILS
    loops, workers = [], []
    with tempfile.TemporaryDirectory() as name:
        for run in range(RUNS):
            folder = Path(name) / str(run)
            folder.mkdir()
            loops.append(_sent(bare_loop, folder, number))
            workers.append(_sent(worker, folder, number))
    report.heading(
        f"Mails per second: {number:,} of about {workers[0].bytes_each:,} bytes",
        "SQLite; claims with synchronous=FULL, deletions with NORMAL",
    )
    for unit, field in (("mails/s", "per_second"), ("mails/busy s", "per_busy_second")):
        runs = [[getattr(each, field) for each in sent] for sent in (loops, workers)]
        report.compare(unit, Figure("bare smtplib loop", runs[0]), Figure("worker with its outbox", runs[1]))


def bare_loop(settings: Settings, number: int) -> float:
    """Send mails from a list; return the processor seconds."""
    mails = [mail(settings, each) for each in range(number)]
    port = int(settings.smtp_url.rpartition(":")[2])
    began = time.process_time()
    with smtplib.SMTP("127.0.0.1", port) as line:
        for each in mails:
            line.sendmail(each.sender, each.recipients, each.content)
    return time.process_time() - began


def worker(settings: Settings, number: int) -> float:
    """Send mails from the outbox; return the processor seconds."""
    database, keys = Database(settings.database_url), ServerKeys.from_secret(settings.secret_key)
    Base.metadata.create_all(database.engine)
    with database.writing() as db:
        for each in range(number):
            outbox.add(
                db,
                keys,
                purpose="confirm",
                language="en",
                recipient=recipient(each),
                params=params(each),
                now=SYSTEM_CLOCK(),
            )
    dispatch = Dispatch(
        settings=settings,
        database=database,
        keys=keys,
        send_links=lambda *_: None,
        link_all=lambda *_: None,
        appeal=reading.load(),
        clock=SYSTEM_CLOCK,
    )
    began = time.process_time()
    dispatch.run(threading.Event())
    seconds = time.process_time() - began
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(OutboxMail)) == 0
    database.close()
    return seconds


def mail(settings: Settings, number: int) -> SmtpMessage:
    """Return the mail that the worker makes of a row."""
    return encode(
        render(
            "confirm",
            language="en",
            settings=settings,
            recipient=recipient(number),
            params=params(number),
            cause=Cause(reading.load()),
            now=SYSTEM_CLOCK(),
        )
    )


def params(number: int) -> dict[str, Any]:
    """Return the parameters of the mail that most people get: it names its cause."""
    return {"token": token(number), "letters": ["de"], "until": "2026-12-05", "names_cause": True}


def recipient(number: int) -> str:
    """Return a made-up address."""
    return f"mara{number}@example.org"


def token(number: int) -> str:
    """Return a made-up token."""
    return "".join(CROCKFORD[number // 32**place % 32] for place in range(20))


def _sent(send: Callable[[Settings, int], float], folder: Path, number: int) -> Sent:
    with sink() as (port, reports):
        settings = Settings(
            instance=folder,
            database_url=f"sqlite:///{folder / 'campaign.sqlite'}",
            secret_key=SECRET,
            smtp_url=f"smtp://127.0.0.1:{port}",
        )
        server.pin(server.SERVER_CORES)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            busy_seconds = pool.apply(send, (settings, number))
        received, size, seconds = next(reports).split()
    assert int(received) == number
    return Sent(number / float(seconds), number / busy_seconds, int(size) // number)


@contextmanager
def sink() -> Iterator[tuple[int, Iterator[str]]]:
    """Run the sink while the block lasts; give its port, and a report of each connection that was closed."""
    server.pin(server.CLIENT_CORES)
    command: list[Any] = [sys.executable, "-m", "tests.bench.sink"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), iter(process.stdout.readline, "")
        finally:
            process.kill()


if __name__ == "__main__":
    main()
