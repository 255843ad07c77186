"""Erase unconfirmed signatures, digests after the close, and personal data months later."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, or_, select, tuple_, update
from sqlalchemy.orm import Session

from campaign.database import batch
from campaign.reference.participating_state import STATES
from campaign.signature.announcement import digests_due_on
from campaign.signature.invalidation import Invalidation
from campaign.signature.model import COUNTED, Signature, SignatureToken
from campaign.signature.select import has_public_name, is_confirmed

BATCH_ROWS = 1000
"""Rows erased in one transaction where an index finds them."""

KEY = Signature.state_code, Signature.id


def erase_unconfirmed(db: Session, *, now: datetime, confirmation_days: int) -> Iterator[int]:
    """Erase signatures that were not confirmed in time, in batches; yield the rows of each.

    The caller commits after each batch, here and in the functions below.
    """
    yield from _delete_unconfirmed(db, before=now.date() - timedelta(days=confirmation_days))


def erase_digests(db: Session) -> Iterator[int]:
    """Erase the digests of confirmed signatures; a pending one needs its digest to be confirmed."""
    if has_digests(db):
        confirmed = and_(Signature.confirmed_on.is_not(None), Signature.digest.is_not(None))
        yield from batch.update(db, Signature, confirmed, {"digest": None, "digest_mac": None})


def names_due_on(closes_on: date, months_after_close: int, confirmation_days: int) -> date:
    """Return the first day on which all personal data is erased."""
    return max(add_months(closes_on, months_after_close), digests_due_on(closes_on, confirmation_days))


def add_months(day: date, months: int) -> date:
    """Return the day *months* after *day*, or the last day of that month."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def erase_personal_data(db: Session) -> Iterator[int]:
    """Erase the personal data of every signature, in batches; the counts stay as they are.

    What is left equals a signature of disclosure ``counted``, without a private link. A second
    call searches no table.
    """
    if not has_digests(db) and not has_personal_data(db):
        return
    yield from _erase_public_names(db)
    is_personal = or_(
        Signature.sealed.is_not(None),
        Signature.submission.is_not(None),
        Signature.key_id.is_not(None),
        Signature.digest.is_not(None),
        Signature.public_name.is_not(None),
        Signature.disclosure != COUNTED,
    )
    nothing = dict.fromkeys(
        (
            "sealed",
            "submission",
            "submitted_at",
            "key_id",
            "digest",
            "digest_mac",
            "decision_mac",
            "public_name",
            "name_review",
            "words_review",
        )
    )
    yield from batch.update(
        db, Signature, is_personal, {**nothing, "has_words": False, "disclosure": COUNTED}
    )
    yield from batch.delete(db, SignatureToken)
    yield from batch.update(
        db, Invalidation, Invalidation.sealed.is_not(None), {"sealed": None, "key_id": None}
    )


def _erase_public_names(db: Session) -> Iterator[int]:
    """Erase names in clear first: all other personal data is sealed."""
    # In the order of the index: otherwise PostgreSQL would search the table from its start for each batch.
    some = select(*KEY).where(has_public_name())
    some = some.order_by(Signature.id).limit(BATCH_ROWS)
    nothing = {"public_name": None, "name_review": None, "disclosure": COUNTED, "decision_mac": None}
    names = update(Signature).where(tuple_(*KEY).in_(some)).values(nothing)
    while erased := batch.execute(db, names):
        yield erased


def _delete_unconfirmed(db: Session, *, before: date) -> Iterator[int]:
    pending = Signature.confirmed_on.is_(None)
    oldest = (
        select(*KEY)
        .where(pending, Signature.signed_on < before)
        .order_by(Signature.signed_on)
        .limit(BATCH_ROWS)
    )
    # A signature that is confirmed between subquery and deletion stays.
    while erased := batch.execute(db, delete(Signature).where(tuple_(*KEY).in_(oldest), pending)):
        yield erased


def has_digests(db: Session) -> bool:
    """Whether any confirmed signature has a digest."""
    # Phrased for the partial index of confirmed digests, which is empty afterwards.
    return _exists(db, and_(Signature.state_code.in_(STATES), Signature.digest >= b"", is_confirmed()))


def has_personal_data(db: Session) -> bool:
    """Whether there is anything sealed, published or opened by a link."""
    # Each query uses an index that is empty after the erasure.
    return (
        _exists(db, Signature.sealed.is_not(None))
        or _exists(db, has_public_name())
        or db.scalar(select(SignatureToken.signature_id).limit(1)) is not None
        or db.scalar(select(Invalidation.id).where(Invalidation.sealed.is_not(None)).limit(1)) is not None
    )


def _exists(db: Session, where: ColumnElement[bool]) -> bool:
    return db.scalar(select(Signature.id).where(where).limit(1)) is not None
