"""Cache what pages show of the database for one second, however often they are requested."""

import threading
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from campaign.appeal.content import Appeal
from campaign.clock import Clock
from campaign.database.session import Database
from campaign.disclosure import safety_list
from campaign.disclosure.safety_list import SafetyLists
from campaign.letter.edition import current_edition, known_edition
from campaign.mail import outbox_health, relay_ability
from campaign.organiser import native_check
from campaign.organiser.organisation import Organisation, organisation
from campaign.sealing import campaign_key
from campaign.settings import Settings
from campaign.signature import published_count
from campaign.signature.announcement import erased_close
from campaign.signature.published_count import PublicCount

FRESH = timedelta(seconds=1)
"""How long a snapshot is used before the database is read again."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What pages show, at one moment; two are equal if the same pages follow from them."""

    read_at: datetime = field(compare=False)
    seconds_to_turn: int = field(compare=False)
    """Seconds until the figures could move, at least 1."""
    today: date
    """The campaign may close at midnight."""
    count: PublicCount
    organisation: Organisation
    """Who runs the campaign, as pages name it."""
    safety: SafetyLists
    appeal: Appeal = field(compare=False)
    """The campaign's content with these lists."""
    edition: int
    """Number of the letter's edition that this content makes."""
    checked_letters: frozenset[tuple[str, str]] = frozenset()
    """Language and state of the translated letters that a native reader has checked as they are."""
    mail_is_backed_up: bool = False
    """Whether too many mails wait: no letter can be signed until the relay accepts some."""
    relay_takes_ascii_only: bool = False
    """Whether the mail relay cannot write to an address whose part before the @ is beyond ASCII."""
    erased_on: date | None = None
    """When everything personal was erased; nothing can be signed after that."""
    erased_close: date | None = None
    """The closing day for which digests were erased."""


class SnapshotCache:
    """Holds one snapshot for all requests of a process."""

    def __init__(self, database: Database, clock: Clock, content: Appeal, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self.content = content
        """The campaign's content as it was loaded, without organisers' changes of the safety lists."""
        self._edition: tuple[Appeal, int] | None = None
        self._checked = native_check.CheckedLetters()
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0

    def current(self) -> Snapshot:
        """Return a snapshot that is at most a second old."""
        with self._lock:
            # Both clocks are read before the database: the snapshot is at least as new as it says.
            seconds, now = self._clock.monotonic(), self._clock()
            if self._snapshot is None or not self._is_fresh(self._snapshot, seconds, now):
                self._snapshot = self._read(now)
                self._read_at = seconds
            return self._snapshot

    def current_or_none(self) -> Snapshot | None:
        """Return a snapshot that is at most a second old, or ``None`` while the database does not answer."""
        try:
            return self.current()
        except SQLAlchemyError:
            return None

    def expire(self) -> None:
        """Make the next page read the database again, since this process changed it."""
        with self._lock:
            self._snapshot = None

    def _is_fresh(self, snapshot: Snapshot, seconds: float, now: datetime) -> bool:
        # By both clocks, since an operator may set the time of day forward or back.
        by_seconds = seconds - self._read_at <= FRESH.total_seconds()
        return by_seconds and timedelta() <= now - snapshot.read_at <= FRESH

    def _read(self, now: datetime) -> Snapshot:
        with self._database.reading() as db:
            figures, sender = published_count.public_count(db, self._settings, now=now), organisation(db)
            erased_at, closed_for = campaign_key.destroyed_at(db), erased_close(db)
            mail_is_backed_up = outbox_health.is_backed_up(db, now)
            relay_takes_ascii_only = relay_ability.takes_ascii_only(db)
            lists = safety_list.current_lists(db, self.content)
            checks = native_check.letter_checks(db)
        appeal = lists.replace_in(self.content)
        return Snapshot(
            read_at=now,
            seconds_to_turn=self._seconds_to_turn(figures, now),
            today=now.date(),
            count=figures,
            organisation=sender,
            safety=lists,
            appeal=appeal,
            edition=self._edition_of(appeal),
            checked_letters=self._checked.of(appeal, checks),
            mail_is_backed_up=mail_is_backed_up,
            relay_takes_ascii_only=relay_takes_ascii_only,
            erased_on=erased_at.date() if erased_at else None,
            erased_close=closed_for,
        )

    def _seconds_to_turn(self, figures: PublicCount, now: datetime) -> int:
        if self._settings.shows_every_act:
            return 1
        # From the figures' own turn: if the worker is late, new ones may come at any second.
        turn = published_count.next_turn(self._settings, figures.as_of)
        return max(1, int((turn - now).total_seconds()))

    def _edition_of(self, appeal: Appeal) -> int:
        """Return the number of the edition that *appeal* makes; read again only for another appeal."""
        if self._edition is None or self._edition[0] is not appeal:
            with self._database.reading() as db:
                known = known_edition(db, appeal)
            if known is None:  # a process with other content changed the lists
                with self._database.writing() as db:
                    known = current_edition(db, appeal, now=self._clock())
            self._edition = appeal, known
        return self._edition[1]
