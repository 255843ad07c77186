"""The worker's periodic jobs; :mod:`campaign.worker.schedule` says when each runs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.database import batch
from campaign.database.session import Database
from campaign.delivery import notice
from campaign.delivery.model import DeliveryRow, mark_interrupted
from campaign.guard import proof_of_work
from campaign.mail import outbox, sweep
from campaign.operations import monitor
from campaign.operations.emergency import scrub_rows
from campaign.organiser import login_attempt, session
from campaign.settings import Settings
from campaign.signature import erase, published_count, recount


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run of a job works with."""

    settings: Settings
    database: Database
    db: Session
    """Committed after the job; a job may also commit between batches."""
    now: datetime
    lease: timedelta = outbox.LEASE
    """How long claimed mails belong to one worker."""
    request_sending: Callable[[], object] = lambda: None
    """Asks a worker to send due mails."""


def sweep_outbox(run: Run) -> None:
    """Correct what the outbox holds, and request sending if a mail is due."""
    sweep.cap_waits(run.db, now=run.now, lease=run.lease)
    sweep.erase_expired(run.db, run.now)
    run.db.commit()
    with run.database.reading() as db:
        is_due = outbox.has_due_mail(db, now=run.now)
    if is_due:
        run.request_sending()


def note_mails(run: Run) -> None:
    """Store the mail figures of this quarter-hour, unless that was done."""
    monitor.record_mail_figures(run.db, now=run.now)


def publish_count(run: Run) -> None:
    """Publish the figures of this turn, unless that was done."""
    published_count.publish(run.db, run.settings, now=run.now)


def erase_due(run: Run) -> None:
    """Mark interrupted deliveries, erase what is due, and go on with an interrupted emergency erasure."""
    mark_interrupted(run.db, now=run.now)
    run.db.commit()
    with run.database.snapshot() as snapshot:
        for _rows in notice.refresh_marks(run.db, snapshot):
            run.db.commit()
    for _rows in erase_in_batches(run.db, run.settings, now=run.now):
        run.db.commit()
    if scrub_rows.is_unfinished(run.db):
        for _rows in scrub_rows.scrub(run.db):
            run.db.commit()
        run.db.commit()
        scrub_rows.finish(run.database, now=run.now)


def compare_counts(run: Run) -> None:
    """Compare the counts with the rows, and store the differences."""
    with run.database.snapshot() as snapshot:  # a session that writes would block signing meanwhile
        differences = recount.compare(snapshot)
    recount.record(run.db, differences, now=run.now)


def erase_in_batches(db: Session, settings: Settings, *, now: datetime) -> Iterator[int]:
    """Erase everything that is due; yield the row count of each batch, which the caller then commits."""
    session.erase_expired(db, now=now)
    login_attempt.erase_old_failures(db, now=now)
    proof_of_work.delete_expired(db, now=now)
    sweep.erase_expired(db, now)
    yield 0
    months = settings.erase_months_after_close
    yield from erase.erase_due(
        db,
        now=now,
        confirmation_days=settings.confirmation_days,
        closes_on=settings.closes_on,
        months_after_close=months,
    )
    is_all_due = erase.is_erasure_due(now.date(), settings.closes_on, months)
    # The numbers of a delivered list would tell its receiver which row is whose.
    if is_all_due and db.scalar(select(DeliveryRow.number).limit(1)) is not None:
        yield from batch.delete(db, DeliveryRow)
