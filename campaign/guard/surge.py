"""A rush: signatures come so fast that everybody is asked for a proof, in every process of the site."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from campaign.database.fact import read_fact, save_fact
from campaign.guard.limit import GUARDED_SECONDS

NAME = "guarded_until"


def guard_until(db: Session, until: datetime) -> None:
    """Have every process ask for proofs until then."""
    # Two processes may see the same rush; which of them is a second later does not matter.
    save_fact(db, NAME, until.astimezone(UTC).isoformat(timespec="seconds"))


def guarded_until(db: Session) -> datetime | None:
    """Return until when everybody is asked for a proof, if ever."""
    content = read_fact(db, NAME)
    return datetime.fromisoformat(content) if content else None


def is_guarded(until: datetime | None, now: datetime) -> bool:
    """Whether everybody is asked for a proof *now*."""
    # An end that is too far off was told before the clock was set back.
    return until is not None and timedelta() < until - now <= timedelta(seconds=GUARDED_SECONDS)
