"""What pages show of the database, and whether there is a rush: read once a second, however many reload."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from campaign import campaign_key, tally
from campaign.database import Database
from campaign.guard import rush
from campaign.organisation import Organisation, organisation

FRESH = timedelta(seconds=1)


@dataclass(frozen=True)
class Snapshot:
    """The counts at one moment."""

    total: int
    by_state: dict[str, int]
    as_of: datetime
    organisation: Organisation
    """Who runs the campaign, as pages name it."""
    guarded_until: datetime | None
    """Until when everybody who signs is asked for a proof; no page shows it."""
    erased_on: date | None = None
    """When everything personal was erased; nothing can be signed after that."""


class Counts:
    """One snapshot for all requests of a process."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0

    def now(self) -> Snapshot:
        """Return counts that are at most a second old."""
        with self._lock:
            # The moment is taken before reading: the counts are at least as new as they say.
            read_at, as_of = time.monotonic(), self._clock()
            kept = self._snapshot
            # The clock too, for it may be set, either way.
            if (
                kept is not None
                and read_at - self._read_at <= FRESH.total_seconds()
                and timedelta() <= as_of - kept.as_of <= FRESH
            ):
                return kept
            with self._database.reading() as db:
                by_state, sender, guarded = tally.by_state(db), organisation(db), rush.guarded_until(db)
                erased_at = campaign_key.destroyed_at(db)
            erased_on = erased_at.date() if erased_at else None
            self._snapshot = Snapshot(sum(by_state.values()), by_state, as_of, sender, guarded, erased_on)
            self._read_at = read_at
            return self._snapshot

    def organisation(self) -> Organisation:
        """Return who runs the campaign; nobody while the database does not answer, as on an error's page."""
        try:
            return self.now().organisation
        except SQLAlchemyError:
            return Organisation()

    def erased_on(self) -> date | None:
        """Return when everything personal was erased; unknown while the database does not answer."""
        try:
            return self.now().erased_on
        except SQLAlchemyError:
            return None

    def expire(self) -> None:
        """Let the next page read anew: this process changed a count."""
        with self._lock:
            self._snapshot = None
