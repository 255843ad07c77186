"""The worker's periodic jobs; :mod:`campaign.worker.schedule` says when each runs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.database import batch
from campaign.database.fact import save_fact
from campaign.database.session import Database
from campaign.delivery import journaled, notice
from campaign.delivery.model import DeliveryRow, mark_interrupted
from campaign.guard import proof_of_work
from campaign.mail import outbox, sweep
from campaign.mail.random_wait import SPREAD
from campaign.operations import closing, comparison, monitor
from campaign.operations.clock_watch import ClockRecord, ClockWatch
from campaign.operations.emergency import scrub_rows
from campaign.organiser import session
from campaign.settings import Settings
from campaign.signature import domain_day, erase, published_count
from campaign.signature.announcement import DIGESTS, withdraw_all

SORTED_BYTES = 64_000_000
"""The largest file that is rewritten every hour, within half a second in which signing waits."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run of a job works with."""

    settings: Settings
    database: Database
    db: Session
    """Committed after the job; a job may also commit between batches."""
    now: datetime
    watch: ClockWatch = field(default_factory=ClockWatch)
    lease: timedelta = outbox.LEASE
    """How long claimed mails belong to one worker."""
    request_sending: Callable[[], object] = lambda: None
    """Asks a worker to send due mails."""


def sweep_outbox(run: Run) -> None:
    """Correct what the outbox holds, and request sending if a mail is due, or soon will be."""
    clock = observe(run.db, run.watch, now=run.now)
    sweep.cap_waits(run.db, now=run.now, lease=run.lease)
    if clock.is_steady(run.now):
        sweep.erase_expired(run.db, run.now)
    run.db.commit()
    with run.database.reading() as db:
        is_due = outbox.has_due_mail(db, now=run.now + SPREAD)
    if is_due:
        run.request_sending()


def note_mails(run: Run) -> None:
    """Store the mail figures of this quarter-hour, unless that was done."""
    monitor.record_mail_figures(run.db, now=run.now)


def publish_count(run: Run) -> None:
    """Publish the figures of this turn, unless that was done."""
    published_count.publish(run.db, run.settings, now=run.now)


def empty_log(run: Run) -> None:
    """Empty SQLite's write-ahead log; while somebody reads for long, the next run tries again."""
    if run.database.is_sqlite and run.database.checkpoint(wait_seconds=1):
        # The log's index has the order in which pages were written, until the next write.
        save_fact(run.db, "log_emptied", "")


def sort_pages(run: Run) -> None:
    """Rewrite a small SQLite file, in whose pages new rows lie in the order in which they were written."""
    if run.database.is_sqlite and run.database.size_bytes() <= SORTED_BYTES:
        run.database.vacuum()
        empty_log(run)


def erase_due(run: Run) -> None:
    """Mark interrupted deliveries, erase what is due, and go on with an interrupted emergency erasure."""
    mark_interrupted(run.db, now=run.now)
    run.db.commit()
    with run.database.snapshot() as snapshot:
        for _rows in notice.refresh_marks(run.db, snapshot):
            run.db.commit()
    for _rows in erase_in_batches(run.db, run.settings, run.watch, now=run.now):
        run.db.commit()
    if scrub_rows.is_unfinished(run.db):
        for _rows in scrub_rows.scrub(run.db):
            run.db.commit()
        run.db.commit()
        scrub_rows.finish(run.database, now=run.now)


def compare_counts(run: Run) -> None:
    """Compare the counts with the rows, look for altered rows, and store what was found."""
    with run.database.snapshot() as snapshot:  # a session that writes would block signing meanwhile
        found = comparison.compare(snapshot, run.database.journal)
    comparison.record(run.db, found, now=run.now)


def erase_in_batches(db: Session, settings: Settings, watch: ClockWatch, *, now: datetime) -> Iterator[int]:
    """Erase everything that is due; yield the row count of each batch, which the caller then commits.

    After a jump of the clock only sessions end, until it has run steadily for a day.
    """
    session.erase_expired(db, now=now)
    clock = observe(db, watch, now=now)
    closing.announce(db, settings, clock, now=now)
    yield 0
    if not clock.is_steady(now):
        return
    proof_of_work.delete_expired(db, now=now)
    domain_day.delete_expired(db, now=now)
    sweep.erase_expired(db, now)
    yield 0
    yield from erase.erase_unconfirmed(db, now=now, confirmation_days=settings.confirmation_days)
    begun = closing.begin_due(db, now=now)
    yield 0
    for kind in begun:
        yield from erase.erase_digests(db) if kind == DIGESTS else _erase_names(db)


def observe(db: Session, watch: ClockWatch, *, now: datetime) -> ClockRecord:
    """Look at the clock; a leap of it withdraws what was announced."""
    clock = watch.observe(db, now=now)
    if clock.leapt_at == now:
        withdraw_all(db)
    return clock


def _erase_names(db: Session) -> Iterator[int]:
    yield from erase.erase_personal_data(db)
    # The numbers of a delivered list would tell its receiver which row is whose.
    journaled.delete_key(db)
    if db.scalar(select(DeliveryRow.number).limit(1)) is not None:
        yield from batch.delete(db, DeliveryRow)
