"""The rows of the outbox, and the address that tests put there."""

from pathlib import Path

from huey import SqliteHuey
from sqlalchemy import select

from campaign.database.session import Database
from campaign.mail.outbox import OutboxMail
from campaign.worker.tasks import Tasks

ADDRESS = "mara.canary@example.org"


def address(number: int) -> str:
    """Return the address of one of many mails."""
    return ADDRESS.replace("@", f"{number}@")


def rows(database: Database) -> list[OutboxMail]:
    with database.reading() as db:
        return list(db.scalars(select(OutboxMail).order_by(OutboxMail.created_at)))


def lose_queue(built: Tasks) -> None:
    """Delete the queue while other processes have it open."""
    if isinstance(built.huey, SqliteHuey):
        for path in Path(built.huey.storage.filename).parent.glob("queue.sqlite*"):
            path.unlink()
        return
    with built.huey.storage.db(commit=True) as cursor:
        for table in ("task", "schedule", "kv", "counter"):
            cursor.execute(f"DROP TABLE huey_{table}")
