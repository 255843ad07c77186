"""What a person asks of the organisers by letter: what is held about an address, and that it be erased."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.orm import Session

from campaign.database.table import count_up_to
from campaign.errors import WrongKeyError
from campaign.reference.participating_state import STATES
from campaign.sealing import box
from campaign.sealing.address import canonical_address
from campaign.sealing.address_digest import address_digest
from campaign.sealing.box import Details
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Key, Signature
from campaign.signature.select import of_mailbox
from campaign.signature.withdraw import take_back

MOST_OPENED = 50_000
"""Boxes opened in one request: some seconds of work."""

MOST_COUNTED = 100_000
"""So many boxes are counted to say how many there are; before the first is opened "more" will do."""

BATCH = 1000


@dataclass(frozen=True)
class Held:
    """A signature of the address that was asked about, and what its box holds."""

    row: Signature
    details: Details


@dataclass(frozen=True)
class Opened:
    """How far a search through the boxes has come."""

    found: list[Held]
    boxes: int
    """How many were opened."""
    after: Key | None
    """Where to go on; ``None`` when every box was opened."""


@dataclass(frozen=True)
class Asked:
    """An address that somebody asks about, and what recognises it."""

    email: str = field(repr=False)
    keys: ServerKeys = field(repr=False)
    private_key: bytes = field(repr=False)

    @cached_property
    def mailbox(self) -> str:
        """The one form that all spellings of the address share."""
        return canonical_address(self.email)

    def held(self, row: Signature) -> Held | None:
        """Return what *row* holds, if it is this address's."""
        details = self._details(row)
        same_digest = row.digest == address_digest(self.keys, row.state_code, self.email)
        same_address = bool(details.email) and canonical_address(details.email) == self.mailbox
        return Held(row, details) if same_digest or same_address else None

    def _details(self, row: Signature) -> Details:
        try:
            return box.unseal(row.sealed, self.private_key) if row.sealed else Details()
        except WrongKeyError:  # sealed to an earlier pair, whose setup link nobody used
            return Details()


def by_digest(db: Session, asked: Asked) -> list[Held]:
    """Return every signature, of whichever letter and pending or not, that is recognised as the address's.

    From the close on none is, since nothing recognises a mailbox any more; then see :func:`by_opening`.
    """
    each = (of_mailbox(code, address_digest(asked.keys, code, asked.email)) for code in STATES)
    query = select(Signature).where(or_(*each))
    return _held(db, query.order_by(Signature.state_code, Signature.signed_on), asked)


def by_opening(db: Session, asked: Asked, *, after: Key | None = None, most: int = MOST_OPENED) -> Opened:
    """Look into *most* boxes at most for the address, and go on *after* the last one another time."""
    found: list[Held] = []
    boxes = 0
    for rows in _boxes(db, after):
        boxes += len(rows)
        found += [held for row in rows if (held := asked.held(row)) is not None]
        after = (rows[-1].state_code, rows[-1].id)
        if boxes >= most:
            return Opened(found, boxes, after)
    return Opened(found, boxes, None)


def by_key(db: Session, asked: Asked, chosen: Iterable[Key]) -> list[Held]:
    """Return those of *chosen* that are the address's, so that nobody else's can be shown or erased by it."""
    query = select(Signature).where(tuple_(Signature.state_code, Signature.id).in_(sorted(chosen)))
    return _held(db, query.order_by(Signature.state_code, Signature.id), asked)


def erase_for(db: Session, asked: Asked, chosen: Iterable[Key], *, now: datetime) -> list[Signature]:
    """Withdraw and erase those of *chosen* that are the address's; return them."""
    erased = []
    for held in by_key(db, asked, chosen):
        key = held.row.state_code, held.row.id
        # Read anew under the lock: its owner may have withdrawn it since it was opened.
        row = db.get_one(Signature, key, with_for_update=True, populate_existing=True)
        if row.withdrawn_on is None:
            take_back(db, row, now=now)
            erased.append(row)
    db.flush()
    return erased


def count_boxes(db: Session, *, is_exact: bool) -> int:
    """Return how many boxes there are; if it need not be exact, no more than one beyond what is counted."""
    if not is_exact:
        return count_up_to(db, MOST_COUNTED + 1, Signature.sealed.is_not(None))
    query = select(func.count()).select_from(Signature).where(Signature.sealed.is_not(None))
    return db.scalar(query) or 0


def _held(db: Session, query: Select[Signature], asked: Asked) -> list[Held]:
    return [held for row in db.scalars(query) if (held := asked.held(row)) is not None]


def _boxes(db: Session, after: Key | None) -> Iterator[list[Signature]]:
    key = Signature.state_code, Signature.id
    query = select(Signature).where(Signature.sealed.is_not(None)).order_by(*key).limit(BATCH)
    while True:
        rows = list(db.scalars(query if after is None else query.where(tuple_(*key) > after)))
        if rows:
            yield rows
        if len(rows) < BATCH:
            return
        after = (rows[-1].state_code, rows[-1].id)
        db.expunge_all()
