"""Search signatures by letter, residence, day, mail domain, stage and hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, islice
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import Session

from campaign.sealing.key_ring import KeyRing
from campaign.signature.model import Signature, SignatureKey
from campaign.signature.unsealed_signature import UnsealedSignature, unopened_key_ids

ANY = "any"

PENDING, CONFIRMED = "pending", "confirmed"

BATCH = 1000
"""Signatures read at once."""


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """What to search for; an empty field matches each signature, but withdrawn and invalidated ones."""

    state_code: str = ""
    residence: str = ""
    signed_from: date | None = None
    signed_to: date | None = None
    held_for: str = ""
    """One of ``HOLD_REASONS``, or :data:`ANY` for each of them."""
    stage: str = ""
    """:data:`PENDING` or :data:`CONFIRMED`."""
    domain: str = field(default="", repr=False)
    """The mailbox's domain or a parent of it. It is sealed, so that each box is opened."""

    @property
    def is_empty(self) -> bool:
        """Whether nearly every signature matches."""
        return self == Criteria(stage=self.stage)


@dataclass(frozen=True, kw_only=True)
class Matches:
    """How many signatures match, and the first of them."""

    number: int
    counting: int
    """Those of them that count now."""
    pending: int
    held: int
    first: tuple[UnsealedSignature, ...]
    is_complete: bool = True
    """Whether each box was tried; if not, more signatures may match."""
    unreadable: int = 0
    """Signatures whose domain is not known, since they are sealed to an earlier key."""


def summarise(db: Session, criteria: Criteria, ring: KeyRing, *, first: int, most_read: int) -> Matches:
    """Return how many signatures match, with the *first* few; for a domain, read *most_read* at most."""
    if criteria.domain:
        return _summarise_unsealed(db, criteria, ring, first, most_read)
    confirmed, held = Signature.confirmed_on.is_not(None), Signature.held_for.is_not(None)
    number, pending, held_number, counting = db.execute(
        select(
            func.count(),
            func.count().filter(~confirmed),
            func.count().filter(held),
            func.count().filter(confirmed, ~held),
        ).where(*_conditions(criteria))
    ).one()
    return Matches(
        number=number,
        counting=counting,
        pending=pending,
        held=held_number,
        first=tuple(islice(find(db, criteria, ring), first)),
    )


def find(
    db: Session, criteria: Criteria, ring: KeyRing, *, most_read: int | None = None
) -> Iterator[UnsealedSignature]:
    """Yield the matching signatures in the order of their keys; read *most_read* at most."""
    batches = in_batches(db, select(Signature).where(*_conditions(criteria)))
    for row in islice(chain.from_iterable(batches), most_read):
        signature = UnsealedSignature(row, ring)
        if not criteria.domain or _has_domain(signature, criteria.domain):
            yield signature


def in_batches(
    db: Session, selected: Select[Signature], *, after: SignatureKey | None = None
) -> Iterator[Sequence[Signature]]:
    """Yield the selected signatures in the order of their keys, from *after* on, a batch at a time.

    The session forgets each batch before it reads the next.
    """
    key = Signature.state_code, Signature.id
    ordered = selected.order_by(*key).limit(BATCH)
    while True:
        rows = db.scalars(ordered if after is None else ordered.where(tuple_(*key) > after)).all()
        if rows:
            yield rows
        if len(rows) < BATCH:
            return
        after = rows[-1].state_code, rows[-1].id
        db.expunge_all()


def _conditions(criteria: Criteria) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [
        Signature.withdrawn_on.is_(None),
        Signature.invalidation_id.is_(None),
    ]
    if criteria.state_code:
        wanted.append(Signature.state_code == criteria.state_code)
    if criteria.residence:
        wanted.append(Signature.residence == criteria.residence)
    if criteria.signed_from:
        wanted.append(Signature.signed_on >= criteria.signed_from)
    if criteria.signed_to:
        wanted.append(Signature.signed_on <= criteria.signed_to)
    if criteria.held_for == ANY:
        wanted.append(Signature.held_for.is_not(None))
    elif criteria.held_for:
        wanted.append(Signature.held_for == criteria.held_for)
    if criteria.stage:
        is_pending = Signature.confirmed_on.is_(None)
        wanted.append(is_pending if criteria.stage == PENDING else ~is_pending)
    return wanted


def _summarise_unsealed(
    db: Session, criteria: Criteria, ring: KeyRing, first: int, most_read: int
) -> Matches:
    number = counting = pending = held = 0
    shown: list[UnsealedSignature] = []
    shown_before = ring.shown
    for each in find(db, criteria, ring, most_read=most_read):
        number += 1
        pending += each.row.confirmed_on is None
        held += each.row.held_for is not None
        counting += each.row.confirmed_on is not None and each.row.held_for is None
        if len(shown) < first:
            shown.append(each)
    ring.shown = min(ring.shown, shown_before + len(shown))
    candidates = select(Signature.id).where(*_conditions(criteria))
    return Matches(
        number=number,
        counting=counting,
        pending=pending,
        held=held,
        first=tuple(shown),
        is_complete=_count(db, candidates.limit(most_read + 1)) <= most_read,
        unreadable=_count(db, candidates.where(Signature.key_id.in_(unopened_key_ids(db)))),
    )


def _count(db: Session, rows: Select[UUID]) -> int:
    return db.scalar(select(func.count()).select_from(rows.subquery())) or 0


def _has_domain(signature: UnsealedSignature, domain: str) -> bool:
    if signature.details is None:
        return False
    of_mailbox = signature.details.email.rpartition("@")[2].casefold()
    return of_mailbox == domain or of_mailbox.endswith(f".{domain}")
