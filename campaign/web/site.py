"""What every view works with: the site's parts, and the request's database session."""

from dataclasses import dataclass, field
from datetime import datetime
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
from campaign.database.session import Database
from campaign.guard.rate_limit import Memory
from campaign.letter.sheet import Letter
from campaign.letter.template import compose
from campaign.reference.language import Language
from campaign.reference.participating_state import ParticipatingState
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.web.snapshot import Counts
from campaign.web.write import Acts
from campaign.worker.tasks import Tasks


@dataclass(frozen=True, kw_only=True)
class Site:
    """The parts of a running site, made once by ``create_app``."""

    settings: Settings
    database: Database
    keys: ServerKeys
    counts: Counts
    tasks: Tasks
    memory: Memory
    """How often which network came today."""
    clock: Clock
    acts: Acts
    """What supporters do goes through these; they write by no other way."""
    composed: dict[tuple[str, str, bool], Letter] = field(default_factory=dict)
    """The letters composed so far, by state, language and whether names are withheld."""

    @property
    def appeal(self) -> Appeal:
        """The campaign's content, with the safety lists as organisers have them."""
        return self.counts.appeal()

    @property
    def edition(self) -> int:
        """The number of the letter's current edition."""
        return self.counts.now().edition

    def close(self) -> None:
        """Let go of every connection."""
        self.tasks.close()
        self.database.close()


def site() -> Site:
    """Return the parts of the site that this request came to."""
    return cast("Site", current_app.extensions["campaign"])


def now() -> datetime:
    """Return the time of this request: one moment, however often it is asked for."""
    if "now" not in g:
        g.now = site().clock()
    return cast("datetime", g.now)


def session() -> Session:
    """Return the request's database session; only an organiser's request that may change something writes."""
    if "session" not in g:
        writes = request.method == "POST" and request.blueprint == "organise"
        g.session = site().database.session(writes=writes)
    return cast("Session", g.session)


def commit() -> None:
    """Put what an organiser's request did on disk; only after this may a page say so, and then all do."""
    session().commit()
    site().counts.expire()


def init_app(app: Flask) -> None:
    """Close the session with the request, undoing what was not committed."""

    @app.teardown_request
    def close(_error: BaseException | None) -> None:
        opened = g.pop("session", None)
        if opened is not None:
            opened.close()


def is_open() -> bool:
    """Whether the letter can be signed on this day."""
    closes_on = site().settings.closes_on
    is_over = closes_on is not None and now().date() > closes_on
    return not is_over and site().counts.erased_on() is None


def composed(state: ParticipatingState, language: Language) -> Letter:
    """Return the letter to *state*, composed once per process."""
    appeal, kept = site().appeal, site().composed
    key = state.code, language.code, state.code in appeal.no_names_to
    if key not in kept:
        kept[key] = compose(appeal, state, language.code)
    return kept[key]
