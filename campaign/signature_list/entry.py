"""The entries of a list: which signatures are on it, in which order, unsealed and numbered."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, count
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from campaign.disclosure.delivered_name import has_deliverable_name
from campaign.errors import AlteredError, WrongKeyError
from campaign.letter.edition import Version
from campaign.sealing import row_mac
from campaign.sealing.box import Details
from campaign.sealing.key_ring import KeyRing
from campaign.signature.model import APPROVED, COUNTED, Signature, context_of
from campaign.signature.select import in_list_order
from campaign.signature.signature_mac import DECISIONS, is_as_decided

BATCH = 500
"""Signatures fetched at a time: enough to make that cheap, few enough to keep memory flat."""

_COLUMNS = (
    Signature.id,
    Signature.state_code,
    Signature.residence,
    Signature.edition,
    Signature.language,
    Signature.disclosure,
    Signature.words_review,
    Signature.sealed,
    Signature.key_id,
    Signature.signed_on,
    Signature.organisers_only,
    Signature.decision_mac,
    *(getattr(Signature, name) for name in DECISIONS if name not in {"disclosure", "words_review"}),
)

_NO_DETAILS = Details()


# Not frozen: creating a frozen instance takes twice as long, and lists have many entries.
@dataclass(slots=True, kw_only=True)
class ListEntry:
    """One confirmed signature on a list, unsealed."""

    number: int
    """Running number in this list, from 1."""
    signature_id: UUID
    state_code: str
    name: str
    """Empty when none may be shown."""
    town: str
    residence: str
    """ISO 3166 alpha-2, or ``ZZ``: not stated. Empty for ``counted``: a lone one would point to somebody."""
    words: str
    """The signatory's own; empty unless an organiser approved them."""
    disclosure: str
    """``public``, ``delegation`` or ``counted``."""
    edition: int
    language: str
    """Of the page on which the letter was signed; *words* are taken to be in it, too. Empty for ``counted``,
    as the residence is."""

    version: Version
    """What was signed; on a delegation's list the first version with the same text."""


def for_organisers(db: Session, state_codes: Iterable[str], ring: KeyRing) -> Iterator[ListEntry]:
    """Yield every signature that counts, letter by letter, with its name if there is one.

    Signatures whose row or box was altered are left out; the *ring* counts them.

    Args:
        db: Read only.
        state_codes: The letters; the entries of each are numbered from 1.
        ring: Opens the boxes.
    """
    for state_code in state_codes:
        yield from _unsealed(db, [in_list_order(state_code)], ring)


def for_delegation(
    db: Session,
    state_code: str,
    ring: KeyRing,
    *,
    text_groups: Sequence[Sequence[Version]],
    since: date | None = None,
) -> Iterator[ListEntry]:
    """Yield every signature whose name may be delivered, numbered in the order of printing.

    Signatures whose row or box was altered are left out; the *ring* counts them.

    Args:
        db: Read only.
        state_code: The delegation's.
        ring: Opens the boxes.
        text_groups: Versions of the letter; those in one group have the same text. Entries come group by
            group, the delegation's own residents first in each; each entry has its group's first version.
        since: Leave out names that were given before this day.
    """
    deliverable = in_list_order(state_code).where(has_deliverable_name(since))
    is_own = Signature.residence == state_code.upper()
    queries = (
        deliverable.where(tuple_(Signature.edition, Signature.language).in_(group), part)
        for group in text_groups
        for part in (is_own, ~is_own)
    )
    first_of_group = {version: group[0] for group in text_groups for version in group}
    for entry in _unsealed(db, queries, ring):
        entry.version = first_of_group[entry.version]
        yield entry


def other_versions(
    db: Session, state_code: str, version: Version, since: date | None = None
) -> list[Version]:
    """Return the versions that deliverable names signed, without *version*: the newest editions first."""
    query = (
        select(Signature.edition, Signature.language)
        .where(Signature.state_code == state_code, has_deliverable_name(since))
        .distinct()
        .order_by(Signature.edition.desc(), Signature.language)
    )
    return [found for row in db.execute(query) if (found := Version(*row)) != version]


def _unsealed(db: Session, queries: Iterable[Select[Signature]], ring: KeyRing) -> Iterator[ListEntry]:
    numbers, key = count(1), db.info[row_mac.KEY]
    for query in queries:
        # Rows instead of ORM objects: creating those would take half as long as unsealing.
        # In PostgreSQL this is a server-side cursor, so neither side holds more than a batch.
        statement = query.with_only_columns(*_COLUMNS)
        with db.connection().execute(statement, execution_options={"yield_per": BATCH}) as result:
            for columns in chain.from_iterable(result.partitions()):
                details = _details(key, columns, ring)
                if details is not None:
                    yield _entry(next(numbers), columns, details)


def _entry(number: int, columns: Any, details: Details) -> ListEntry:
    signature_id, state_code, residence, edition, language, disclosure, review, *_ = columns
    return ListEntry(
        number=number,
        signature_id=signature_id,
        state_code=state_code,
        name=details.name,
        town=details.town,
        residence="" if disclosure == COUNTED else residence,
        words=details.words if review == APPROVED else "",
        disclosure=disclosure,
        edition=edition,
        language="" if disclosure == COUNTED else language,
        version=Version(edition, language),
    )


def _details(key: bytes, row: Any, ring: KeyRing) -> Details | None:
    """Return what the box of a row contains; ``None`` if row or box was altered."""
    if row.sealed is None or row.disclosure == COUNTED:
        return _NO_DETAILS
    context = context_of(row)
    if not is_as_decided(key, row):
        ring.altered.add(context)
        return None
    try:
        return ring.details(row.key_id, row.sealed, context)
    except AlteredError:
        return None
    except WrongKeyError:  # sealed to an earlier key pair: listed without its name
        return _NO_DETAILS
