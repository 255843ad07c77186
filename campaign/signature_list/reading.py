"""Reading a list: signatures in batches, each opened with the campaign's private key."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from itertools import chain, count, starmap
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from campaign.disclosure.delivered_name import named
from campaign.signature.model import APPROVED, COUNTED, Signature
from campaign.signature.select import in_list_order
from campaign.signature_list.parallel_unseal import Box, Shown, opened
from campaign.signature_list.row import Row

BATCH = 500
"""Rows read and opened together: enough to make that cheap, few enough to keep memory flat."""

_COLUMNS = (
    Signature.state_code,
    Signature.residence,
    Signature.disclosure,
    Signature.edition,
    Signature.language,
    Signature.confirmed_on,
    Signature.words_review,
    Signature.sealed,
)

_Found = Any
"""Those columns of one signature."""

_Batch = tuple[tuple[int, Sequence[_Found]], Sequence[Box]]
"""The number of the first, the signatures, and their boxes."""


def for_organisers(db: Session, state_codes: Iterable[str], private_key: bytes) -> Iterator[Row]:
    """Yield every signature that counts, letter by letter, with its name if one was kept.

    Args:
        db: Read only.
        state_codes: Whose letters were signed; the list of each is numbered from 1.
        private_key: The campaign's.
    """
    queries = (in_list_order(code).with_only_columns(*_COLUMNS) for code in state_codes)
    batches = chain.from_iterable(_batches(db, [query]) for query in queries)
    return starmap(_row, _opened(batches, private_key))


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
    listed = in_list_order(state_code).with_only_columns(*_COLUMNS, Signature.id).where(named(since))
    queries = (listed.where(Signature.edition.in_(each)) for each in editions)
    for number, found, shown in _opened(_batches(db, queries), private_key):
        yield found.id, _row(number, found[:-1], shown)


def editions_listed(db: Session, state_code: str, edition: int, since: date | None = None) -> list[int]:
    """Return the other editions that rows of the list to *state_code* were signed under, newest first."""
    query = (
        select(Signature.edition)
        .where(Signature.state_code == state_code, named(since), Signature.edition != edition)
        .distinct()
        .order_by(Signature.edition.desc())
    )
    return list(db.scalars(query))


def _opened(batches: Iterable[_Batch], private_key: bytes) -> Iterator[tuple[int, _Found, Shown]]:
    for (first, found), shown in opened(private_key, batches):
        yield from zip(count(first), found, shown)


def _batches(db: Session, queries: Iterable[Select[*tuple[Any, ...]]]) -> Iterator[_Batch]:
    number = 1
    for query in queries:
        # Past the session, whose objects would take half as long to make as the boxes take to open. In
        # PostgreSQL this is a cursor on the server, so that neither side holds more than a batch.
        with db.connection().execute(query, execution_options={"yield_per": BATCH}) as result:
            for found in result.partitions():
                boxes = [None if each.disclosure == COUNTED else each.sealed for each in found]
                yield (number, found), boxes
                number += len(found)


def _row(number: int, found: _Found, shown: Shown) -> Row:
    state_code, residence, disclosure, edition, language, confirmed_on, words_review, _box = found
    name, town, words = shown
    return Row(
        number=number,
        state_code=state_code,
        name=name,
        town=town,
        residence=residence,
        words=words if words_review == APPROVED else "",
        disclosure=disclosure,
        edition=edition,
        language=language,
        confirmed_on=confirmed_on,
    )
