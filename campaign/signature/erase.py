"""Erasing what is due: the unconfirmed after days, everything personal after the close."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Delete, Update, delete, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from campaign.signature.row import Signature, SignatureToken

BATCH = 1000
"""Rows erased in one transaction, so that nobody signing waits long."""


@dataclass
class Erased:
    """How many rows were touched, by reason."""

    unconfirmed: int = 0
    digests: int = 0
    personal: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.unconfirmed + self.digests + self.personal


def erase_due(
    db: Session,
    *,
    now: datetime,
    confirmation_days: int,
    closes_on: date | None = None,
    months_after_close: int = 6,
) -> Erased:
    """Erase one batch of everything that is due; call again, after a commit, until nothing was."""
    today = now.date()
    oldest = today - timedelta(days=confirmation_days)
    erased = Erased()
    erased.unconfirmed = _run(
        db,
        delete(Signature).where(
            Signature.id.in_(
                select(Signature.id)
                .where(Signature.confirmed_on.is_(None), Signature.signed_on < oldest)
                .limit(BATCH)
            ),
            Signature.confirmed_on.is_(None),
        ),
    )
    if closes_on and today > closes_on:
        erased.digests = _run(db, _forget_digests())
        if today >= months_later(closes_on, months_after_close):
            erased.personal = _run(db, _forget_people())
            db.execute(delete(SignatureToken))
    return erased


def months_later(day: date, months: int) -> date:
    """Return the day *months* after *day*, or the last day of that month."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _forget_digests() -> Update:
    # Only of those that are confirmed: a pending one's digest is needed until it is erased.
    ids = (
        select(Signature.id)
        .where(Signature.digest.is_not(None), Signature.confirmed_on.is_not(None))
        .limit(BATCH)
    )
    return update(Signature).where(Signature.id.in_(ids)).values(digest=None)


def _forget_people() -> Update:
    ids = (
        select(Signature.id)
        .where(or_(Signature.sealed.is_not(None), Signature.public_name.is_not(None)))
        .limit(BATCH)
    )
    return (
        update(Signature)
        .where(Signature.id.in_(ids))
        .values(sealed=None, key_id=None, public_name=None, has_words=False)
    )


def _run(db: Session, statement: Delete | Update) -> int:
    result = db.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return result.rowcount
