"""What the worker does without being asked: erase what is due, settle what was interrupted, count, note."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from huey import crontab
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.database import batch
from campaign.database.session import Database
from campaign.delivery import notice
from campaign.delivery.model import DeliveryRow, mark_interrupted
from campaign.guard import proof_of_work
from campaign.mail.sweep import erase_expired
from campaign.operations import monitor
from campaign.operations.emergency.scrub_rows import finish, is_unfinished, scrub
from campaign.organiser import login_attempt, session
from campaign.settings import Settings
from campaign.signature.erase import erase_due, is_erasure_due
from campaign.signature.recount import compare, record


def periodic(settings: Settings, database: Database) -> Mapping[str, Callable[[Session, datetime], None]]:
    """Return the duties by the names under which the worker knows their times."""

    def erase(db: Session, now: datetime) -> None:
        mark_interrupted(db, now=now)
        db.commit()
        with database.snapshot() as reading:
            for _rows in notice.refresh_marks(db, reading):
                db.commit()
        for _rows in due(db, settings, now=now):
            db.commit()
        if is_unfinished(db):
            for _rows in scrub(db):
                db.commit()
            db.commit()
            finish(database, now=now)

    def count_again(db: Session, now: datetime) -> None:
        with database.snapshot() as reading:  # not in *db*, in which nobody could sign meanwhile
            found = compare(reading)
        record(db, found, now=now)

    def note_mails(db: Session, now: datetime) -> None:
        monitor.note_mails(db, now=now)

    return {"erase_due": erase, "recount": count_again, "note_mails": note_mails}


def due(db: Session, settings: Settings, *, now: datetime) -> Iterator[int]:
    """Erase everything that is due, a batch at a time; yield how many rows each was.

    The caller commits after each.
    """
    session.erase_expired(db, now=now)
    login_attempt.erase_old_failures(db, now=now)
    proof_of_work.delete_expired(db, now=now)
    erase_expired(db, now)
    yield 0
    yield from erase_due(
        db,
        now=now,
        confirmation_days=settings.confirmation_days,
        closes_on=settings.closes_on,
        months_after_close=settings.erase_months_after_close,
    )
    is_all_due = is_erasure_due(now.date(), settings.closes_on, settings.erase_months_after_close)
    # A list's numbers would tell its receiver which row is whose.
    if is_all_due and db.scalar(select(DeliveryRow.number).limit(1)) is not None:
        yield from batch.delete(db, DeliveryRow)


TIMES = {
    "erase_due": crontab(minute="7"),
    "recount": crontab(minute="30", hour="2"),
    "note_mails": crontab(),  # in every quarter of an hour it is done once, be it that a worker was late
}
"""When the work that :func:`build` is given is done (UTC)."""
