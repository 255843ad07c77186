"""Mails per second: a bare smtplib loop on one connection, and our worker with its outbox.

Run ``python -m tests.bench.mail``. The relay runs in this process and the two senders in
processes of their own, so all three figures carry the same relay.
"""

import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from campaign.database import Base, Database
from campaign.mail import outbox
from campaign.mail.outbox import OutboxMail
from campaign.seal import ServerKeys
from campaign.settings import Settings
from tests.relay import relay
from tests.worker import eventually, start

MAILS = 1000

FLOOR = """
import smtplib, sys
from email.message import EmailMessage
message = EmailMessage()
message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "Good day"
message.set_content("x" * 70 + "\\n" + ("y" * 70 + "\\n") * 60)
with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as line:
    for _ in range(int(sys.argv[2])):
        line.send_message(message)
"""


def main() -> None:
    """Measure, and print one line of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        floor, ours, first = bare_loop(), *worker_with_outbox(Path(folder))
    print(
        json.dumps(
            {
                "mails": MAILS,
                "bare smtplib per second": round(floor),
                "worker per second": round(ours),
                "ratio": round(ours / floor, 2),
                "first mail after seconds": round(first, 2),
            }
        )
    )


def bare_loop() -> float:
    """Return messages per second without any outbox."""
    with relay() as server:
        process = subprocess.Popen([sys.executable, "-c", FLOOR, str(server.port), str(MAILS)])
        seconds = timed(server.received)
        process.wait()
        return MAILS / seconds


def worker_with_outbox(folder: Path) -> tuple[float, float]:
    """Return mails per second, and seconds from the worker's start to its first mail."""
    with relay() as server:
        settings = Settings(
            instance=folder,
            database_url=f"sqlite:///{folder / 'campaign.sqlite'}",
            secret_key="made-up-secret-key-for-tests-only-0123456789",
            smtp_url=server.url,
        )
        database = Database(settings.database_url)
        Base.metadata.create_all(database.engine)
        fill(database, ServerKeys.from_secret(settings.secret_key))
        began = time.monotonic()
        process = start(settings)
        eventually(lambda: server.received)
        first = time.monotonic() - began
        seconds = timed(server.received)
        eventually(lambda: not left(database))
        process.terminate()
        process.wait()
        database.close()
        return MAILS / seconds, first


def fill(database: Database, keys: ServerKeys) -> None:
    now = datetime.now(UTC)
    with database.writing() as db:
        for number in range(MAILS):
            outbox.put(
                db,
                keys,
                purpose="confirm",
                language="en",
                recipient=f"mara{number}@example.org",
                params={"token": f"{number:020}"},
                now=now,
            )


def left(database: Database) -> int:
    with database.reading() as db:
        return db.scalar(select(func.count()).select_from(OutboxMail)) or 0


def timed(received: list[object]) -> float:
    """Return seconds from the first message to the last."""
    eventually(lambda: received)
    began = time.monotonic()
    if not eventually(lambda: len(received) >= MAILS, 300):
        raise SystemExit("the mails did not arrive")
    return time.monotonic() - began


if __name__ == "__main__":
    main()
