"""What the worker does without being asked: erase what is due, settle what was interrupted, recount."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from campaign import unlocking
from campaign.database import see_one_moment
from campaign.delivery.row import settle_interrupted
from campaign.guard import proof
from campaign.recount import recount
from campaign.settings import Settings
from campaign.signature import erase_due


def periodic(settings: Settings) -> Mapping[str, Callable[[Session, datetime], None]]:
    """Return the duties by the names under which the worker knows their times."""

    def erase(db: Session, now: datetime) -> None:
        settle_interrupted(db, now=now)
        unlocking.erase_idle(db, now=now)
        proof.forget_spent(db, now=now)
        db.commit()
        while erase_due(
            db,
            now=now,
            confirmation_days=settings.confirmation_days,
            closes_on=settings.closes_on,
            months_after_close=settings.erase_months_after_close,
        ).total:
            db.commit()

    def count_again(db: Session, now: datetime) -> None:
        see_one_moment(db)
        recount(db, now=now)

    return {"erase_due": erase, "recount": count_again}
