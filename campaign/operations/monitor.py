"""How the campaign is, in figures and words for a monitor: none of them moves with one person's act.

What a monitor reads, it keeps, outside of our reach and erasures; and whoever holds a network's
log knows who was connected to this site at which second. Together they would say who signed, if
a figure told when somebody did. So:

- *Confirmed* and *withdrawn* may move at once: `/counts.json` shows anybody their difference
  every second, because supporters are to see the count grow; there is nothing more in them.
- Nobody else is shown that a letter was signed and not yet confirmed. Such signatures are
  counted once their day is over, since the day is all that is kept of their time.
- A mail waits because somebody signed or asked for something. So the worker notes how mails are
  once in each quarter of an hour, and every process tells what is noted. One that looked for itself
  would look whenever somebody asks it first, or had it start anew: at the second of their choosing.
  Mails are counted, and their age is taken, as of the turn; those given up keep their day alone,
  and are counted once it is over.
- The queue's length, which grows by one with such an act, is told in tens.

Each reading costs the same, however many signatures there are: what could grow is counted up to
a limit.
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
"""What follows from one person's act is told at the turn of these, together with what others did."""

MOST = 10_000
"""So many, or more."""


NAME = "mails"
"""The note in ``site``: numbers alone, so a copy may take it; an emergency forgets it with the mails."""


@dataclass(frozen=True)
class MailCondition:
    """What the worker noted of mails."""

    turn: datetime
    """The quarter of an hour that had begun."""
    waiting: int
    """Of those that were there at the turn; :data:`MOST` at most."""
    oldest_seconds: int
    """In whole turns; of :data:`MOST` at most."""
    given_up: int
    """Of earlier days, and not more than 30 days ago; :data:`MOST` at most."""
    is_failing: bool
    """Whether any was given up, today or in these days."""

    def is_stuck(self, now: datetime) -> bool:
        """Whether a mail waited for so long that something must be wrong, or no worker notes any more."""
        return self.oldest_seconds > STUCK_SECONDS or now - self.turn > 2 * TURN


@dataclass(frozen=True)
class Condition:
    """What the database tells of the campaign."""

    confirmed: int
    """Ever; so the count is these minus those withdrawn."""
    withdrawn: int
    pending: int
    """Signed before today and not confirmed; :data:`MOST` at most."""
    mails: MailCondition | None
    """``None`` before a worker ran."""
    recounted_at: datetime | None
    differences: int
    """Found by the last recount."""


def condition(db: Session, *, now: datetime) -> Condition:
    """Return how the campaign is."""
    confirmed, withdrawn = db.execute(
        select(func.sum(StateCount.confirmed), func.sum(StateCount.withdrawn))
    ).one()
    recounted = recount.last(db)
    return Condition(
        confirmed=confirmed or 0,
        withdrawn=withdrawn or 0,
        pending=count_up_to(
            db, MOST, Signature.confirmed_on.is_(None), Signature.signed_on < _day(now).date()
        ),
        mails=noted_mails(db),
        recounted_at=recounted[0] if recounted else None,
        differences=recounted[1] if recounted else 0,
    )


def note_mails(db: Session, *, now: datetime) -> None:
    """Note how mails are, unless that was done since the last turn: a second look would tell what moved."""
    turn, noted = last_turn(now), noted_mails(db)
    # Another worker's clock may be ahead; further ahead is only what was noted before a clock was set back.
    if noted is not None and timedelta() <= noted.turn - turn <= TURN:
        return
    found = _mails(db, turn)
    save_fact(db, NAME, json.dumps(asdict(found) | {"turn": found.turn.isoformat()}))


def noted_mails(db: Session) -> MailCondition | None:
    """Return what was noted last, if anything ever was."""
    content = read_fact(db, NAME)
    if content is None:
        return None
    noted = json.loads(content)
    return MailCondition(**noted | {"turn": datetime.fromisoformat(noted["turn"])})


def last_turn(now: datetime) -> datetime:
    """Return the last quarter of an hour."""
    return datetime.fromtimestamp(now.timestamp() // TURN.total_seconds() * TURN.total_seconds(), UTC)


def _day(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _mails(db: Session, turn: datetime) -> MailCondition:
    some = select(OutboxMail.created_at).where(OutboxMail.status == WAITING).limit(MOST).subquery()
    oldest = db.scalar(select(func.min(some.c.created_at)))
    given_up = OutboxMail.status.in_(GIVEN_UP)
    return MailCondition(
        turn=turn,
        waiting=count_up_to(db, MOST, OutboxMail.status == WAITING, OutboxMail.created_at < turn),
        oldest_seconds=max(0, int((turn - last_turn(oldest)).total_seconds())) if oldest else 0,
        given_up=count_up_to(db, MOST, given_up, OutboxMail.created_at < _day(turn)),
        is_failing=count_up_to(db, 1, given_up) > 0,
    )
