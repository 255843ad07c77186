"""Monitoring figures, rounded or delayed so that no change reveals one person's action.

A monitor stores what it reads, beyond the reach of our erasures; and a network's log shows who was
connected to this site at which second. Together they would reveal who signed, if a figure changed at
that moment. Therefore:

- Signatures are the published figure, which moves for several acts at once
  (:mod:`campaign.signature.published_count`).
- A pending signature, or a mail that was given up, appears and disappears with one person. Both are
  counted at the day's turn (UTC) and stay so for that day.
- A mail waits because somebody signed or asked for something. So the worker records the mail figures
  once per quarter-hour, and all processes show the recorded ones; a process that counted by itself
  could be made to count at a chosen second. Their number is in tens. The queue is called stuck for several
  late mails, and mail failing for several that were given up today, or any before.
- The queue's length, which grows by one with such an act, is in tens too.

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
from campaign.signature.model import Signature

TURN = timedelta(minutes=15)
"""Mail figures change only at the turn of a quarter-hour, for all people's actions together."""

MAX_COUNT = 10_000
"""Figures that could grow are counted up to this number."""

SEVERAL = 5
"""Fewer mails of one day than this are no sign of trouble: they could be one person's."""

FACT = "mails"
"""The fact with the recorded figures: only numbers. An emergency erasure deletes it with the mails."""


@dataclass(frozen=True)
class MailFigures:
    """Figures about mails and pending signatures, as the worker recorded them."""

    turn: datetime
    """The quarter-hour of the record."""
    waiting: int
    """Mails that existed at the quarter-hour, in tens; at most :data:`MAX_COUNT`."""
    oldest_seconds: int
    """Age of the oldest waiting mail, in whole quarter-hours; 0 while fewer than :data:`SEVERAL` have waited
    for longer than ``STUCK_SECONDS``. At most :data:`MAX_COUNT` are compared."""
    given_up: int
    """Mails given up in the 30 days before today; at most :data:`MAX_COUNT`."""
    is_failing: bool
    """Whether mails were given up: any before today, or :data:`SEVERAL` today."""
    pending: int
    """Signatures that were not confirmed when the day began; at most :data:`MAX_COUNT`."""

    def is_stuck(self, now: datetime) -> bool:
        """Whether mails have waited too long, or no worker records figures any more."""
        return self.oldest_seconds > STUCK_SECONDS or now - self.turn > 2 * TURN


def record_mail_figures(db: Session, *, now: datetime) -> None:
    """Record the figures once per quarter-hour: a second record would show what changed since."""
    turn, recorded = last_turn(now), mail_figures(db)
    # Another worker's clock may be ahead by one turn; a record further ahead is older than a clock change.
    if recorded is not None and timedelta() <= recorded.turn - turn <= TURN:
        return
    figures = _count(db, turn, recorded)
    save_fact(db, FACT, json.dumps(asdict(figures) | {"turn": figures.turn.isoformat()}))


def mail_figures(db: Session) -> MailFigures | None:
    """Return the figures that were recorded last."""
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


def _count(db: Session, turn: datetime, recorded: MailFigures | None) -> MailFigures:
    given_up = count_up_to(db, MAX_COUNT, OutboxMail.status.in_(GIVEN_UP))
    if recorded is None or _day(recorded.turn) != _day(turn):
        before_today, pending = given_up, _pending(db, turn)
    else:
        before_today, pending = recorded.given_up, recorded.pending
    waiting = count_up_to(db, MAX_COUNT, OutboxMail.status == WAITING, OutboxMail.created_at < turn)
    return MailFigures(
        turn=turn,
        waiting=waiting // 10 * 10,
        oldest_seconds=_oldest_seconds(db, turn),
        given_up=before_today,
        is_failing=before_today > 0 or given_up - before_today >= SEVERAL,
        pending=pending,
    )


def _pending(db: Session, turn: datetime) -> int:
    # With the day, the databases search the index.
    made_before = Signature.confirmed_on.is_(None), Signature.signed_on < turn.date()
    return count_up_to(db, MAX_COUNT, *made_before)


def _oldest_seconds(db: Session, turn: datetime) -> int:
    some = select(OutboxMail.created_at).where(OutboxMail.status == WAITING).limit(MAX_COUNT).subquery()
    oldest: datetime | None = db.scalar(select(func.min(some.c.created_at)))
    late = OutboxMail.created_at < turn - timedelta(seconds=STUCK_SECONDS)
    if oldest is None or count_up_to(db, SEVERAL, OutboxMail.status == WAITING, late) < SEVERAL:
        return 0
    return max(0, int((turn - last_turn(oldest)).total_seconds()))
