"""What every view works with: the site's parts, and the request's database session."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from flask import Flask, current_app, g, request
from sqlalchemy.orm import Session

from campaign.appeal import Appeal
from campaign.database import Database
from campaign.guard.memory import Memory
from campaign.letter import Letter
from campaign.seal import ServerKeys
from campaign.settings import Settings
from campaign.tasks import Tasks
from campaign.web.acts import Acts
from campaign.web.counts import Counts

MOST_PAGES = 100_000


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
    clock: Callable[[], datetime]
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


def page_number() -> int:
    """Return which page of a long list is asked for, from 1."""
    return min(max(request.args.get("page", 1, type=int), 1), MOST_PAGES)


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
