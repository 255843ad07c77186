"""Answer data subjects: find and erase the signatures of one e-mail address."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.orm import Session

from campaign.database.table import count_up_to
from campaign.reference.participating_state import STATES
from campaign.sealing.address import canonical_address
from campaign.sealing.address_digest import AddressDigests
from campaign.sealing.key_ring import KeyRing
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature, SignatureKey
from campaign.signature.search import in_batches
from campaign.signature.select import of_mailbox
from campaign.signature.signature_mac import has_own_digest
from campaign.signature.unsealed_signature import UnsealedSignature, unopened_key_ids
from campaign.signature.withdraw import withdraw_locked

MOST_OPENED = 50_000
"""Boxes opened in one request: some seconds of work."""

MOST_COUNTED = 100_000
"""Boxes counted before the first is opened; beyond it, "more than" is exact enough."""


@dataclass(frozen=True)
class BoxSearch:
    """One part of a search through all boxes."""

    found: list[UnsealedSignature]
    number: int
    """How many boxes were tried."""
    after: SignatureKey | None
    """Where the next part begins; ``None`` after the last."""


@dataclass(frozen=True)
class Subject:
    """A data subject's address, with the keys that recognise it."""

    email: str = field(repr=False)
    keys: ServerKeys = field(repr=False)
    ring: KeyRing = field(repr=False)

    @cached_property
    def mailbox(self) -> str:
        """The canonical address, equal for all its spellings."""
        return canonical_address(self.email)

    @cached_property
    def digests(self) -> AddressDigests:
        """Of the mailbox."""
        return AddressDigests.of(self.keys, self.email)

    def matching(self, rows: Iterable[Signature]) -> list[UnsealedSignature]:
        """Return those of *rows* that have this address."""
        return [each for row in rows if self._matches(each := UnsealedSignature(row, self.ring))]

    def _matches(self, signature: UnsealedSignature) -> bool:
        row, details = signature.row, signature.details
        is_own = row.digest == self.digests.for_letter(row.state_code)
        if is_own and has_own_digest(self.keys.row, row):
            return True
        return details is not None and canonical_address(details.email) == self.mailbox


def find_by_digest(db: Session, subject: Subject) -> list[UnsealedSignature]:
    """Return the subject's signatures of all letters, pending ones too.

    After the close there are no digests: use :func:`search_boxes`.
    """
    any_letter = (of_mailbox(code, subject.digests.for_letter(code)) for code in STATES)
    query = select(Signature).where(or_(*any_letter))
    return subject.matching(db.scalars(query.order_by(Signature.state_code, Signature.signed_on)))


def search_boxes(
    db: Session, subject: Subject, *, after: SignatureKey | None = None, most: int = MOST_OPENED
) -> BoxSearch:
    """Open about *most* boxes, from *after* on, and return the subject's signatures among them."""
    found: list[UnsealedSignature] = []
    number = 0
    for rows in in_batches(db, _boxes(), after=after):
        number += len(rows)
        found += subject.matching(rows)
        if number >= most:
            return BoxSearch(found, number, (rows[-1].state_code, rows[-1].id))
    return BoxSearch(found, number, None)


def find_by_key(db: Session, subject: Subject, chosen: Iterable[SignatureKey]) -> list[UnsealedSignature]:
    """Return those of *chosen* that are the subject's, so that no other signature is shown or erased."""
    query = select(Signature).where(tuple_(Signature.state_code, Signature.id).in_(sorted(chosen)))
    return subject.matching(db.scalars(query.order_by(Signature.state_code, Signature.id)))


def erase_for(
    db: Session, subject: Subject, chosen: Iterable[SignatureKey], *, now: datetime
) -> list[Signature]:
    """Withdraw and erase those of *chosen* that are the subject's; return them."""
    erased = []
    for found in find_by_key(db, subject, chosen):
        # Read again under the lock: the signatory may have withdrawn it in the meantime.
        row = db.get_one(Signature, found.key, with_for_update=True, populate_existing=True)
        if row.withdrawn_on is None:
            erased.append(row)
    withdraw_locked(db, erased, now=now)
    db.flush()
    return erased


def count_boxes(db: Session, *, is_exact: bool) -> int:
    """Return how many boxes there are; unless *is_exact*, :data:`MOST_COUNTED` + 1 at most."""
    if not is_exact:
        return count_up_to(db, MOST_COUNTED + 1, Signature.sealed.is_not(None))
    return _count(db, _boxes())


def count_unreadable(db: Session) -> int:
    """Return how many boxes are sealed to an earlier key, so that no address is found in them."""
    return _count(db, _boxes().where(Signature.key_id.in_(unopened_key_ids(db))))


def _boxes() -> Select[Signature]:
    return select(Signature).where(Signature.sealed.is_not(None))


def _count(db: Session, boxes: Select[Signature]) -> int:
    return db.scalar(boxes.with_only_columns(func.count())) or 0
