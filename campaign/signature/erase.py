"""Erasing what is due: the unconfirmed after days, mailboxes at the close, people months later."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, or_, select, tuple_, update
from sqlalchemy.orm import Session

from campaign.database import batch
from campaign.reference.participating_state import STATES
from campaign.signature.invalidation import Invalidation
from campaign.signature.model import COUNTED, Signature, SignatureToken
from campaign.signature.select import is_confirmed

BATCH = 1000
"""Rows erased in one transaction where an index leads to them."""

KEY = Signature.state_code, Signature.id


def erase_due(
    db: Session,
    *,
    now: datetime,
    confirmation_days: int,
    closes_on: date | None = None,
    months_after_close: int = 6,
) -> Iterator[int]:
    """Erase what is due of signatures, a batch at a time; yield how many rows each was.

    The caller commits after each batch.
    """
    yield from _unconfirmed(db, before=now.date() - timedelta(days=confirmation_days))
    if is_over(now.date(), closes_on, months_after_close):
        if _any_mailbox(db) or _any_person(db):
            yield from forget_people(db)
    elif closes_on and now.date() > closes_on and _any_mailbox(db):
        confirmed = and_(Signature.confirmed_on.is_not(None), Signature.digest.is_not(None))
        # A pending one's digest is needed until it is erased.
        yield from batch.update(db, Signature, confirmed, {"digest": None})


def is_over(today: date, closes_on: date | None, months_after_close: int) -> bool:
    """Whether everything personal is to be erased by *today*."""
    return (
        closes_on is not None and today > closes_on and today >= months_later(closes_on, months_after_close)
    )


def months_later(day: date, months: int) -> date:
    """Return the day *months* after *day*, or the last day of that month."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def forget_people(db: Session) -> Iterator[int]:
    """Erase everything personal of every signature, a batch at a time; what is counted by stays.

    What is left is as of somebody who chose to be counted only, and nobody has a link to it.
    """
    yield from _published(db)
    is_personal = or_(
        Signature.sealed.is_not(None),
        Signature.key_id.is_not(None),
        Signature.digest.is_not(None),
        Signature.public_name.is_not(None),
        Signature.disclosure != COUNTED,
    )
    nothing = dict.fromkeys(("sealed", "key_id", "digest", "public_name", "name_review", "words_review"))
    yield from batch.update(
        db, Signature, is_personal, {**nothing, "has_words": False, "disclosure": COUNTED}
    )
    yield from batch.delete(db, SignatureToken)
    yield from batch.update(
        db, Invalidation, Invalidation.sealed.is_not(None), {"sealed": None, "key_id": None}
    )


def published() -> ColumnElement[bool]:
    """Return the condition that a name stands in clear."""
    return and_(is_confirmed(), Signature.public_name.is_not(None))


def _published(db: Session) -> Iterator[int]:
    """Take names in clear out first: everything else is sealed."""
    # In its index's order: PostgreSQL would look for a few among many from the table's beginning, each time.
    some = select(*KEY).where(published())
    some = some.order_by(Signature.confirmed_on, Signature.id).limit(BATCH)
    names = update(Signature).where(tuple_(*KEY).in_(some)).values(public_name=None, name_review=None)
    while erased := batch.execute(db, names):
        yield erased


def _unconfirmed(db: Session, *, before: date) -> Iterator[int]:
    pending = Signature.confirmed_on.is_(None)
    oldest = (
        select(*KEY).where(pending, Signature.signed_on < before).order_by(Signature.signed_on).limit(BATCH)
    )
    # One may be confirmed between the two halves of the statement: then it stays.
    while erased := batch.execute(db, delete(Signature).where(tuple_(*KEY).in_(oldest), pending)):
        yield erased


def _any_mailbox(db: Session) -> bool:
    # Asked so that the index of those digests answers; a walk asked so would take that index for the key's.
    return _any(db, and_(Signature.state_code.in_(STATES), Signature.digest >= b"", is_confirmed()))


def _any_person(db: Session) -> bool:
    # Each is answered by an index that is empty once all are gone.
    return (
        _any(db, Signature.sealed.is_not(None))
        or _any(db, published())
        or db.scalar(select(SignatureToken.signature_id).limit(1)) is not None
        or db.scalar(select(Invalidation.id).where(Invalidation.sealed.is_not(None)).limit(1)) is not None
    )


def _any(db: Session, where: ColumnElement[bool]) -> bool:
    return db.scalar(select(Signature.id).where(where).limit(1)) is not None
