"""Monitoring figures, rounded or delayed so that no change reveals one person's action.

A monitor stores what it reads, beyond the reach of our erasures; and a network's log shows who was
connected to this site at which second. Together they would reveal who signed, if a figure changed at
that moment. Therefore:

- *Confirmed* and *withdrawn* may change at once: their difference is the public count, which
  ``/counts.json`` shows anyway.
- Pending signatures appear in no other place. They are counted once their day is over, since the day
  is the only time that is stored of them.
- A mail waits because somebody signed or asked for something. So the worker records the mail figures
  once per quarter-hour, and all processes show the recorded ones; a process that counted by itself
  could be made to count at a chosen second. Number and age of the mails are as of the quarter-hour.
  Of mails that were given up only the day is stored, so they are counted once it is over.
- The queue's length, which grows by one with such an act, is rounded to tens.

Reading costs the same however many signatures there are: figures that could grow are counted up to a
limit.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.database.fact import read_fact, save_fact
from campaign.database.table import count_up_to
from campaign.mail.outbox import GIVEN_UP, WAITING, OutboxMail
from campaign.mail.outbox_health import STUCK_SECONDS
from campaign.signature import recount
from campaign.signature.count import StateCount
from campaign.signature.model import Signature

TURN = timedelta(minutes=15)
"""Mail figures change only at the turn of a quarter-hour, for all people's actions together."""

MAX_COUNT = 10_000
"""Figures that could grow are counted up to this number."""

FACT = "mails"
"""The fact with the recorded mail figures: only numbers. An emergency erasure deletes it with the mails."""


@dataclass(frozen=True)
class MailFigures:
    """Figures about mails, as the worker recorded them."""

    turn: datetime
    """The quarter-hour of the record."""
    waiting: int
    """Mails that existed at the quarter-hour; at most :data:`MAX_COUNT`."""
    oldest_seconds: int
    """Age of the oldest waiting mail, in whole quarter-hours; at most :data:`MAX_COUNT` are compared."""
    given_up: int
    """Mails of the last 30 days without today; at most :data:`MAX_COUNT`."""
    is_failing: bool
    """Whether any mail was given up in the last 30 days, today included."""

    def is_stuck(self, now: datetime) -> bool:
        """Whether a mail has waited too long, or no worker records figures any more."""
        return self.oldest_seconds > STUCK_SECONDS or now - self.turn > 2 * TURN


@dataclass(frozen=True)
class CampaignFigures:
    """Figures that the database has about the campaign."""

    confirmed: int
    """Ever confirmed; the count is this number minus :attr:`withdrawn`."""
    withdrawn: int
    pending: int
    """Signed before today and not confirmed; at most :data:`MAX_COUNT`."""
    mails: MailFigures | None
    """``None`` before the first run of a worker."""
    recounted_at: datetime | None
    differences: int
    """Differences that the last recount found."""


def campaign_figures(db: Session, *, now: datetime) -> CampaignFigures:
    """Return the figures about the campaign."""
    confirmed, withdrawn = db.execute(
        select(func.sum(StateCount.confirmed), func.sum(StateCount.withdrawn))
    ).one()
    recounted = recount.last(db)
    return CampaignFigures(
        confirmed=confirmed or 0,
        withdrawn=withdrawn or 0,
        pending=count_up_to(
            db, MAX_COUNT, Signature.confirmed_on.is_(None), Signature.signed_on < _day(now).date()
        ),
        mails=mail_figures(db),
        recounted_at=recounted[0] if recounted else None,
        differences=recounted[1] if recounted else 0,
    )


def record_mail_figures(db: Session, *, now: datetime) -> None:
    """Record the mail figures once per quarter-hour: a second record would show what changed since."""
    turn, recorded = last_turn(now), mail_figures(db)
    # Another worker's clock may be ahead by one turn; a record further ahead is older than a clock change.
    if recorded is not None and timedelta() <= recorded.turn - turn <= TURN:
        return
    figures = _count_mails(db, turn)
    save_fact(db, FACT, json.dumps(asdict(figures) | {"turn": figures.turn.isoformat()}))


def mail_figures(db: Session) -> MailFigures | None:
    """Return the mail figures that were recorded last."""
    content = read_fact(db, FACT)
    if content is None:
        return None
    recorded = json.loads(content)
    return MailFigures(**recorded | {"turn": datetime.fromisoformat(recorded["turn"])})


def last_turn(now: datetime) -> datetime:
    """Return the start of the present quarter-hour."""
    return datetime.fromtimestamp(now.timestamp() // TURN.total_seconds() * TURN.total_seconds(), UTC)


def _day(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _count_mails(db: Session, turn: datetime) -> MailFigures:
    some = select(OutboxMail.created_at).where(OutboxMail.status == WAITING).limit(MAX_COUNT).subquery()
    oldest = db.scalar(select(func.min(some.c.created_at)))
    given_up = OutboxMail.status.in_(GIVEN_UP)
    return MailFigures(
        turn=turn,
        waiting=count_up_to(db, MAX_COUNT, OutboxMail.status == WAITING, OutboxMail.created_at < turn),
        oldest_seconds=max(0, int((turn - last_turn(oldest)).total_seconds())) if oldest else 0,
        given_up=count_up_to(db, MAX_COUNT, given_up, OutboxMail.created_at < _day(turn)),
        is_failing=count_up_to(db, 1, given_up) > 0,
    )
