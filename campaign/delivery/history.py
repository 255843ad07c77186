"""What happened to the letters, as everyone may know it: by the day, and never by one signature."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from campaign.delivery.model import DELIVERED, Delivery
from campaign.signature import milestone

MOST_EVENTS = 100

CLOSING_SOON = timedelta(days=30)
"""How long before the closing day the feeds announce it."""


@dataclass(frozen=True)
class Answer:
    """A delegation's reply."""

    on: date
    text: str
    """What organisers published of it; or empty."""


@dataclass(frozen=True)
class Record:
    """What happened to the letter to one delegation."""

    delivered_on: date
    """The day of the latest delivery that the relay accepted."""
    answer: Answer | None
    """The latest one."""


class Kind(StrEnum):
    """The kinds of events."""

    DELIVERED = "delivered"
    REPLIED = "replied"
    MILESTONE = "milestone"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event; no two have the same kind, state, day and figure."""

    on: date
    kind: Kind
    state_code: str = ""
    """Empty if it is about all letters."""
    figure: int = 0
    """The public figure that a milestone is about."""
    reply: str = ""
    """What organisers published of the reply."""


def records(db: Session) -> dict[str, Record]:
    """Return what happened to each letter that was delivered, by the state's code."""
    found: dict[str, Record] = {}
    for row in db.execute(_delivered()):  # the latest first
        known = found.get(row.state_code, Record(row.sending_at.date(), None))
        answers = [each for each in (known.answer, _answer(row)) if each]
        latest = max(answers, key=lambda each: each.on, default=None)
        found[row.state_code] = Record(known.delivered_on, latest)
    return found


def events(db: Session, state_code: str = "", *, closes_on: date | None, today: date) -> list[Event]:
    """Return what happened to one letter, or to all, the latest first.

    Args:
        db: The session.
        state_code: Of the letter; empty for all letters, then with milestones of their sum alone.
        closes_on: The last day for signing.
        today: Events of a later day are left out.
    """
    happened = {
        *_deliveries(db, state_code),
        *_closing(state_code, closes_on),
        *(
            Event(kind=Kind.MILESTONE, on=each.reached_on, state_code=state_code, figure=each.figure)
            for each in milestone.milestones(db, state_code)
        ),
    }
    by_day = sorted(happened, key=lambda each: (each.on, each.state_code, each.kind, each.figure))
    return [each for each in reversed(by_day) if each.on <= today][:MOST_EVENTS]


def _delivered() -> Select[Any]:
    columns: tuple[Any, ...] = (
        Delivery.state_code,
        Delivery.sending_at,
        Delivery.replied_on,
        Delivery.public_reply,
    )
    return (
        select(*columns)
        .where(Delivery.status.in_(DELIVERED), Delivery.sending_at.is_not(None))
        .order_by(Delivery.sending_at.desc())
    )


def _answer(row: Any) -> Answer | None:
    return Answer(row.replied_on, row.public_reply) if row.replied_on else None


def _deliveries(db: Session, state_code: str) -> Iterator[Event]:
    query = _delivered()
    answers: dict[tuple[str, date], str] = {}
    for row in db.execute(query.where(Delivery.state_code == state_code) if state_code else query):
        yield Event(kind=Kind.DELIVERED, on=row.sending_at.date(), state_code=row.state_code)
        if row.replied_on:
            key = row.state_code, row.replied_on
            answers[key] = answers.get(key) or row.public_reply
    for (code, on), reply in answers.items():
        yield Event(kind=Kind.REPLIED, on=on, state_code=code, reply=reply)


def _closing(state_code: str, closes_on: date | None) -> Iterator[Event]:
    if closes_on is not None:
        yield Event(kind=Kind.CLOSING, on=closes_on - CLOSING_SOON, state_code=state_code)
        yield Event(kind=Kind.CLOSED, on=closes_on + timedelta(days=1), state_code=state_code)
