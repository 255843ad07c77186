"""What every view works with: the site's parts, and the request's time and database session."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

from flask import (
    Flask,
    current_app,
    g,
    request,
)
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.clock import Clock
from campaign.database.session import Database, end
from campaign.guard.argon2_queue import Argon2Queue
from campaign.guard.rate_limit import RateLimits
from campaign.guard.surge import SurgeDetector
from campaign.letter.sheet import Letter
from campaign.letter.template import compose
from campaign.organiser.organisation import Organisation
from campaign.reference.language import Language
from campaign.reference.participating_state import ParticipatingState
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.announcement import closing_day
from campaign.signature.deadline import confirm_until
from campaign.web.background_reseal import BackgroundReseal
from campaign.web.signature_writer import SignatureWriter
from campaign.web.snapshot import SnapshotCache
from campaign.worker.tasks import Tasks


@dataclass(frozen=True, kw_only=True)
class Site:
    """The parts of a running site, made once by ``create_app``."""

    settings: Settings
    database: Database
    keys: ServerKeys
    snapshots: SnapshotCache
    tasks: Tasks
    rate_limits: RateLimits
    surge: SurgeDetector
    argon2_queue: Argon2Queue
    clock: Clock
    writer: SignatureWriter
    """Supporters' views write through this only."""
    background_reseal: BackgroundReseal

    @property
    def appeal(self) -> Appeal:
        """The campaign's content, with organisers' changes while the database answers."""
        snapshot = self.snapshots.current_or_none()
        return snapshot.appeal if snapshot else self.snapshots.content

    @property
    def organisation(self) -> Organisation:
        """The organisation that runs the campaign; not set while the database does not answer."""
        snapshot = self.snapshots.current_or_none()
        return snapshot.organisation if snapshot else Organisation()

    @property
    def erased_on(self) -> date | None:
        """The day everything personal was erased; unknown while the database does not answer."""
        snapshot = self.snapshots.current_or_none()
        return snapshot.erased_on if snapshot else None

    @property
    def closes_on(self) -> date | None:
        """The last day for signing: the configured one, unless digests were erased after an earlier one."""
        return closing_day(self.settings.closes_on, self.erased_close)

    @property
    def erased_close(self) -> date | None:
        """The closing day for which digests were erased; unknown while the database does not answer."""
        snapshot = self.snapshots.current_or_none()
        return snapshot.erased_close if snapshot else None

    @property
    def edition(self) -> int:
        """The number of the letter's current edition."""
        return self.snapshots.current().edition

    def close(self) -> None:
        """Close every connection."""
        self.background_reseal.close()
        self.tasks.close()
        self.database.close()


def site() -> Site:
    """Return the parts of the site that answers this request."""
    return cast("Site", current_app.extensions["campaign"])


def now() -> datetime:
    """Return the time of this request; every call returns the same moment."""
    if "now" not in g:
        g.now = site().clock()
    return cast("datetime", g.now)


def session() -> Session:
    """Return the request's database session; it can write only in an organiser's post."""
    if "session" not in g:
        writes = request.method == "POST" and request.blueprint == "organise"
        g.session = site().database.session(writes=writes)
    return cast("Session", g.session)


def commit() -> None:
    """Commit what an organiser's request changed; only then may a page report it, and the next one does."""
    session().commit()
    site().snapshots.expire()


def roll_back() -> None:
    """Close the request's session; what was not committed is rolled back."""
    opened = g.pop("session", None)
    if opened is not None:
        end(opened)


def init_app(app: Flask) -> None:
    """Close the session at the end of each request; what was not committed is rolled back."""

    @app.teardown_request
    def close(_error: BaseException | None) -> None:
        roll_back()


def is_open() -> bool:
    """Whether letters can be signed today."""
    closes_on = site().closes_on
    is_over = closes_on is not None and now().date() > closes_on
    return not is_over and site().erased_on is None


def still_until() -> date | None:
    """Return the last day to confirm what was signed in time, if the campaign has closed."""
    until = _last_confirmations()
    return None if until is None or is_open() or now().date() > until else until


def is_over() -> bool:
    """Whether nothing can be signed or confirmed any more."""
    until = _last_confirmations()
    return until is not None and now().date() > until


def _last_confirmations() -> date | None:
    closes_on = site().closes_on
    return confirm_until(closes_on, site().settings.confirmation_days) if closes_on else None


def letter_to(state: ParticipatingState, language: Language) -> Letter:
    """Return the letter to *state*."""
    return compose(site().appeal, state, language.code)
