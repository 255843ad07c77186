"""Reading a list: signatures in keyset batches, each opened with the campaign's private key."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true, tuple_
from sqlalchemy.orm import Session

from campaign import seal
from campaign.campaign_key import CampaignKey
from campaign.errors import WrongKeyError
from campaign.seal import Details
from campaign.signature.row import APPROVED, COUNTED, DELEGATION, PUBLIC, Signature, in_list_order, standing
from campaign.signature_list.rows import Row

BATCH = 500
"""Rows read at once: enough to make the query cheap, few enough to keep memory flat."""


def for_organisers(db: Session, state_code: str, private_key: bytes) -> Iterator[Row]:
    """Yield every signature of one letter that counts, numbered, with its name if one was kept."""
    for number, signature in enumerate(_batches(db, in_list_order(state_code)), start=1):
        yield _row(number, signature, private_key)


def for_delegation(
    db: Session,
    state_code: str,
    private_key: bytes,
    *,
    editions: Sequence[Collection[int]],
    since: date | None = None,
) -> Iterator[tuple[UUID, Row]]:
    """Yield each row that may be delivered, with its signature's id, numbered as they are printed.

    Args:
        db: Read only.
        state_code: Whose delegation it is.
        private_key: The campaign's.
        editions: Who signed one of the first group comes first, and so on.
        since: Names that were given earlier stay out.
    """
    number = 0
    for each in editions:
        query = in_list_order(state_code).where(named(since), Signature.edition.in_(each))
        for signature in _batches(db, query):
            number += 1
            yield signature.id, _row(number, signature, private_key)


def named(since: date | None = None) -> ColumnElement[bool]:
    """Return the condition that the delegation may have the name, if it was given on *since* or later.

    A name meant for the public is delivered only after an organiser approved it.
    """
    return and_(
        standing(),
        true() if since is None else Signature.signed_on >= since,
        Signature.sealed.is_not(None),
        # What an earlier pair's setup link alone opens cannot be printed.
        Signature.key_id.in_(select(CampaignKey.id).where(CampaignKey.is_current)),
        or_(
            Signature.disclosure == DELEGATION,
            and_(Signature.disclosure == PUBLIC, Signature.name_review == APPROVED),
        ),
    )


def count_named(db: Session, state_code: str, since: date | None = None) -> int:
    """Return how many names the list to *state_code* may hold, of those given on *since* or later."""
    query = select(func.count()).select_from(Signature)
    return db.scalar(query.where(Signature.state_code == state_code, named(since))) or 0


def editions_listed(db: Session, state_code: str, edition: int, since: date | None = None) -> list[int]:
    """Return the other editions that rows of the list to *state_code* were signed under, newest first."""
    query = (
        select(Signature.edition)
        .where(Signature.state_code == state_code, named(since), Signature.edition != edition)
        .distinct()
        .order_by(Signature.edition.desc())
    )
    return list(db.scalars(query))


def _batches(db: Session, query: Select[Signature]) -> Iterator[Signature]:
    after: tuple[object, object] | None = None
    while True:
        batch = query.limit(BATCH)
        if after is not None:
            batch = batch.where(tuple_(Signature.confirmed_on, Signature.id) > after)
        rows = db.scalars(batch).all()
        yield from rows
        if len(rows) < BATCH:
            return
        after = (rows[-1].confirmed_on, rows[-1].id)
        db.expunge_all()


def _row(number: int, signature: Signature, private_key: bytes) -> Row:
    assert signature.confirmed_on is not None
    details = Details()
    if signature.sealed is not None and signature.disclosure != COUNTED:
        with suppress(WrongKeyError):  # sealed to an earlier pair: listed without its name
            details = seal.unseal(signature.sealed, private_key)
    return Row(
        number=number,
        state_code=signature.state_code,
        name=details.name,
        town=details.town,
        residence=signature.residence,
        words=details.words if signature.words_review == APPROVED else "",
        disclosure=signature.disclosure,
        edition=signature.edition,
        language=signature.language,
        confirmed_on=signature.confirmed_on,
    )
