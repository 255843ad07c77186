"""How the campaign is, in figures and words for a monitor: none of them moves with one person's act.

What a monitor reads, it keeps, outside of our reach and erasures; and whoever holds a network's
log knows who was connected to this site at which second. Together they would say who signed, if
a figure told when somebody did. So:

- *Confirmed* and *withdrawn* may move at once: `/counts.json` shows anybody their difference
  every second, because supporters are to see the count grow; there is nothing more in them.
- Nobody else is shown that a letter was signed and not yet confirmed. Such signatures are
  counted once their day is over, since the day is all that is kept of their time.
- A mail waits because somebody signed or asked for something. Mails are counted, and their age
  is taken, as of the last quarter of an hour, and only those that were there then; those given
  up keep their day alone, and are counted once it is over. A mail that is put off leaves so and so
  many minutes later, to the second; so what was once told holds until the next quarter.
- The queue's length, which grows by one with such an act, is told in tens.

Each reading costs the same, however many signatures there are: what could grow is counted up to
a limit.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign import recount
from campaign.database import number_up_to
from campaign.mail import outbox_state
from campaign.mail.outbox import GIVEN_UP, WAITING, OutboxMail
from campaign.signature.row import Signature
from campaign.tally import StateCount

TURN = timedelta(minutes=15)
"""What follows from one person's act is told at the turn of these, together with what others did."""

MOST = 10_000
"""So many, or more."""


@dataclass(frozen=True)
class MailCondition:
    """What the database tells of mails, until the next turn."""

    waiting: int
    """Of those that were there at the turn; :data:`MOST` at most."""
    oldest_seconds: int
    """In whole turns."""
    given_up: int
    """Of earlier days, and not more than 30 days ago; :data:`MOST` at most."""
    is_failing: bool
    """Whether any was given up, today or in these days."""

    @property
    def is_stuck(self) -> bool:
        """Whether a mail waits for so long that something must be wrong."""
        return self.oldest_seconds > outbox_state.STUCK_SECONDS


class MailsAtTurn:
    """How mails are: looked at once in each quarter of an hour, by each process."""

    def __init__(self) -> None:
        self._held: tuple[datetime, MailCondition] | None = None

    def read(self, db: Session, *, now: datetime) -> MailCondition:
        """Return what was found first since the last turn."""
        turn, held = last_turn(now), self._held
        if held is None or held[0] != turn:
            held = self._held = turn, _mails(db, turn)
        return held[1]


@dataclass(frozen=True)
class Condition:
    """What the database tells of the campaign."""

    confirmed: int
    """Ever; so the count is these minus those withdrawn."""
    withdrawn: int
    pending: int
    """Signed before today and not confirmed; :data:`MOST` at most."""
    mails: MailCondition
    recounted_at: datetime | None
    differences: int
    """Found by the last recount."""


def condition(db: Session, mails: MailsAtTurn, *, now: datetime) -> Condition:
    """Return how the campaign is."""
    confirmed, withdrawn = db.execute(
        select(func.sum(StateCount.confirmed), func.sum(StateCount.withdrawn))
    ).one()
    recounted = recount.last(db)
    return Condition(
        confirmed=confirmed or 0,
        withdrawn=withdrawn or 0,
        pending=number_up_to(
            db, MOST, Signature.confirmed_on.is_(None), Signature.signed_on < _day(now).date()
        ),
        mails=mails.read(db, now=now),
        recounted_at=recounted[0] if recounted else None,
        differences=recounted[1] if recounted else 0,
    )


def last_turn(now: datetime) -> datetime:
    """Return the last quarter of an hour."""
    return datetime.fromtimestamp(now.timestamp() // TURN.total_seconds() * TURN.total_seconds(), UTC)


def _day(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _mails(db: Session, turn: datetime) -> MailCondition:
    oldest = outbox_state.oldest(db)
    given_up = OutboxMail.status.in_(GIVEN_UP)
    return MailCondition(
        waiting=number_up_to(db, MOST, OutboxMail.status == WAITING, OutboxMail.created_at < turn),
        oldest_seconds=max(0, int((turn - last_turn(oldest)).total_seconds())) if oldest else 0,
        given_up=number_up_to(db, MOST, given_up, OutboxMail.created_at < _day(turn)),
        is_failing=number_up_to(db, 1, given_up) > 0,
    )
