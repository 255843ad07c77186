"""What pages show of the database, and whether there is a rush: read once a second, however many reload."""

import threading
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from campaign.appeal.content import Appeal
from campaign.clock import Clock
from campaign.database.session import Database
from campaign.disclosure import safety_list
from campaign.disclosure.safety_list import Lists
from campaign.guard import surge
from campaign.letter.edition import current_edition, known_edition
from campaign.organiser.organisation import Organisation, organisation
from campaign.sealing import campaign_key
from campaign.signature import count

FRESH = timedelta(seconds=1)


@dataclass(frozen=True)
class Snapshot:
    """What pages show, at one moment."""

    total: int
    by_state: dict[str, int]
    as_of: datetime
    organisation: Organisation
    """Who runs the campaign, as pages name it."""
    guarded_until: datetime | None
    """Until when everybody who signs is asked for a proof; no page shows it."""
    safety: Lists
    appeal: Appeal
    """The campaign's content with these lists."""
    edition: int
    """The letter's, as this content makes it."""
    erased_on: date | None = None
    """When everything personal was erased; nothing can be signed after that."""


class Counts:
    """One snapshot for all requests of a process."""

    def __init__(self, database: Database, clock: Clock, content: Appeal) -> None:
        self._database = database
        self._clock = clock
        self._content = content
        self._edition: tuple[Appeal, int] | None = None
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0

    def now(self) -> Snapshot:
        """Return counts that are at most a second old."""
        with self._lock:
            # The moment is taken before reading: the counts are at least as new as they say.
            read_at, as_of = self._clock.monotonic(), self._clock()
            kept = self._snapshot
            # The clock too, for it may be set, either way.
            if (
                kept is not None
                and read_at - self._read_at <= FRESH.total_seconds()
                and timedelta() <= as_of - kept.as_of <= FRESH
            ):
                return kept
            with self._database.reading() as db:
                by_state, sender, guarded = count.by_state(db), organisation(db), surge.guarded_until(db)
                erased_at = campaign_key.destroyed_at(db)
                lists = safety_list.lists(db, self._content)
            appeal = lists.applied_to(self._content)
            self._snapshot = Snapshot(
                sum(by_state.values()),
                by_state,
                as_of,
                sender,
                guarded,
                safety=lists,
                appeal=appeal,
                edition=self._edition_of(appeal),
                erased_on=erased_at.date() if erased_at else None,
            )
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

    def appeal(self) -> Appeal:
        """Return the campaign's content as organisers' safety lists have it."""
        try:
            return self.now().appeal
        except SQLAlchemyError:
            return self._content

    def _edition_of(self, appeal: Appeal) -> int:
        """Return the number of the edition that *appeal* makes; looked up when organisers changed a list."""
        if self._edition is None or self._edition[0] is not appeal:
            with self._database.reading() as db:
                known = known_edition(db, appeal)
            if known is None:  # a process with other content changed the lists
                with self._database.writing() as db:
                    known = current_edition(db, appeal, now=self._clock())
            self._edition = appeal, known
        return self._edition[1]

    def expire(self) -> None:
        """Let the next page read anew: this process changed a count."""
        with self._lock:
            self._snapshot = None
