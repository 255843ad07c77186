"""Public figures: the counts at a turn of the quarter-hour, moved by several people's acts at once.

A count that moves with each confirmation is a clock: with a network's log it tells who signed. So each
State's figure moves only at a turn, and then only if the count differs from it by at least a step, or if the
day (UTC) turned. Acts alone move nothing: one mailbox that signs, confirms and withdraws again and again
makes any number of them, and then each act of somebody else would show. At the day's turn all figures are
published, moved or not: otherwise a figure that rested for days would move with one act.

The total is the sum of the States' figures. A total with a rule of its own would leave, minus the figures
of all States but one, the acts of that State, one by one.

The worker publishes and the pages read, so the figures are the same in every process.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from campaign.database.fact import read_fact, replace_fact, save_fact
from campaign.settings import Settings
from campaign.signature import count, milestone

FACT = "published_count"
"""The fact with the turn and the published figures."""

LONGEST_AHEAD = timedelta(days=1)
"""A published turn further ahead than this is older than a correction of the clock."""


@dataclass(frozen=True)
class PublicCount:
    """The figures that everybody may see."""

    as_of: datetime
    by_state: Mapping[str, int]
    """States without signatures are absent."""

    @property
    def total(self) -> int:
        """The sum over all letters."""
        return sum(self.by_state.values())


@dataclass(frozen=True)
class _Published:
    turn: datetime
    figures: Mapping[str, int]
    """States without signatures are absent."""

    @property
    def content(self) -> str:
        return json.dumps({"turn": self.turn.isoformat(), "figures": self.figures}, sort_keys=True)


def public_count(db: Session, settings: Settings, *, now: datetime) -> PublicCount:
    """Return the public figures: the published ones, or the counts themselves if each act may be seen."""
    if settings.shows_every_act:
        return PublicCount(last_turn(settings, now), count.by_state(db))
    published = _read(read_fact(db, FACT))
    if published is None:  # no site was started with this database yet
        return PublicCount(last_turn(settings, now), {})
    return PublicCount(published.turn, published.figures)


def publish(db: Session, settings: Settings, *, now: datetime) -> None:
    """Publish the figures of this turn, unless that was done; the caller commits.

    Any number of workers may call it at any time: only the first of a turn changes something. A run that
    comes late in a turn leaves it to the next one, or the time between two turns would be shorter.
    """
    stored, turn = read_fact(db, FACT), last_turn(settings, now)
    before = _read(stored)
    if before is None or stored is None:
        publish_all(db, settings, now=now)
        return
    if now - turn > _latest(settings) or turn <= before.turn <= turn + LONGEST_AHEAD:
        return
    after = _Published(turn, before.figures if turn < before.turn else _moved(db, settings, before, turn))
    if replace_fact(db, FACT, before=stored, content=after.content):
        milestone.note(db, after.figures, on=turn.date())


def publish_all(db: Session, settings: Settings, *, now: datetime) -> None:
    """Publish every count as it is: at the first start, and for made-up signatures."""
    published = _Published(last_turn(settings, now), count.by_state(db))
    save_fact(db, FACT, published.content)
    milestone.note(db, published.figures, on=published.turn.date())


def publish_at_start(db: Session, settings: Settings, *, now: datetime) -> None:
    """Publish the counts of a database that has no published figures."""
    if read_fact(db, FACT) is None:
        publish_all(db, settings, now=now)


def last_turn(settings: Settings, now: datetime) -> datetime:
    """Return the latest turn at which figures could move."""
    seconds = _turn(settings).total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def next_turn(settings: Settings, now: datetime) -> datetime:
    """Return the next turn at which figures could move."""
    return last_turn(settings, now) + _turn(settings)


def _turn(settings: Settings) -> timedelta:
    return timedelta(minutes=settings.count_minutes or 1)


def _latest(settings: Settings) -> timedelta:
    """Return how late in a turn figures may still move; the worker runs once a minute."""
    return max(_turn(settings) / 3, timedelta(minutes=1))


def _moved(db: Session, settings: Settings, before: _Published, turn: datetime) -> Mapping[str, int]:
    """Return the figures to publish: those of now where they may move, the published ones elsewhere."""
    counted = count.by_state(db)
    if turn.date() > before.turn.date():
        return counted
    moved: dict[str, int] = {}
    for code in counted.keys() | before.figures.keys():
        published, now = before.figures.get(code, 0), counted.get(code, 0)
        moved[code] = now if abs(now - published) >= settings.count_step else published
    return {code: figure for code, figure in moved.items() if figure}


def _read(content: str | None) -> _Published | None:
    if content is None:
        return None
    stored = json.loads(content)
    return _Published(datetime.fromisoformat(stored["turn"]), stored["figures"])
