"""Notice that the machine's clock jumped, so that a wrong time destroys nothing.

A worker stores the time regularly. A later time that neither this record nor the process's monotonic clock
explains is a jump, and so is an earlier one. A machine that was off looks the same, and is treated so.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.clock import SYSTEM_CLOCK, Clock
from campaign.database.fact import read_fact, save_fact
from campaign.delivery.model import Delivery
from campaign.organiser.audit_log import AuditEntry
from campaign.organiser.session import OrganiserSession
from campaign.signature import recount

FACT = "clock"

RECORDED_EVERY = timedelta(minutes=15)

DRIFT = timedelta(hours=1)
"""Between the two clocks of one process; more is a jump."""

GAP = timedelta(hours=6)
"""Between the stored time and the present one while nothing ran; more is a jump."""

STEADY = timedelta(days=1)
"""How long a clock must run without a jump before anything is deleted by it."""

LEAP = timedelta(days=7)
"""A jump forward of more than this may be what made an erasure of names due."""


@dataclass(frozen=True)
class ClockRecord:
    """What is known about the clock of the site's machines."""

    seen_at: datetime
    jumped_at: datetime | None = None
    """The time after the last jump."""
    leapt_at: datetime | None = None
    """The time after the last jump forward by more than :data:`LEAP`, until an owner allows an erasure."""

    def is_steady(self, now: datetime) -> bool:
        """Whether the clock has run long enough to delete by it."""
        return self.jumped_at is None or now - self.jumped_at >= STEADY


class ClockWatch:
    """Compares the clocks of one process with each other, and with the time stored in the database."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: tuple[datetime, float] | None = None

    def observe(self, db: Session, *, now: datetime) -> ClockRecord:
        """Compare *now* with what was seen before; store it if it says something new."""
        ran, drift = self._compare(now)
        before = read(db)
        known = before or ClockRecord(max(newest_times(db), default=now))
        step = now - known.seen_at
        if drift > DRIFT or not -GAP <= step <= ran + GAP:
            after = replace(known, seen_at=now, jumped_at=now)
            if step > ran + LEAP:
                after = replace(after, leapt_at=now)
        elif before is None or step >= RECORDED_EVERY:
            after = replace(known, seen_at=now)
        else:
            return known
        save_fact(db, FACT, _text(after))
        return after

    def _compare(self, now: datetime) -> tuple[timedelta, timedelta]:
        """Return how long this process ran since the last call, and how much the clock differs from that."""
        with self._lock:
            last, seconds = self._last, self._clock.monotonic()
            self._last = now, seconds
        if last is None:
            return timedelta(), timedelta()
        ran = timedelta(seconds=seconds - last[1])
        return ran, abs(now - last[0] - ran)


def read(db: Session) -> ClockRecord | None:
    """Return the stored record; ``None`` before the first run of a worker."""
    content = read_fact(db, FACT)
    if content is None:
        return None
    seen, jumped, leapt = (datetime.fromisoformat(each) if each != "-" else None for each in content.split())
    return ClockRecord(seen, jumped, leapt) if seen else None


def trust(db: Session) -> None:
    """Forget the last leap, since an owner has found the present time to be right."""
    record = read(db)
    if record is not None:
        save_fact(db, FACT, _text(replace(record, leapt_at=None)))


def newest_times(db: Session) -> Iterator[datetime]:
    """Yield the latest stored times, by the clock of their moment."""
    for column in (AuditEntry.at, Delivery.prepared_at, OrganiserSession.used_at):
        latest = db.scalar(select(func.max(column)))
        if latest is not None:
            yield latest
    recounted = recount.last(db)
    if recounted is not None:
        yield recounted[0]


def _text(record: ClockRecord) -> str:
    times = record.seen_at, record.jumped_at, record.leapt_at
    return " ".join(each.isoformat() if each else "-" for each in times)
