"""Telling delegations which numbers on their lists no longer stand: withdrawn, or invalidated, since."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, func, select, tuple_, update
from sqlalchemy.orm import Session

from campaign.database import batch
from campaign.delivery.model import BOUNCED, REACHED, Delivery, DeliveryRow
from campaign.signature.model import Signature
from campaign.signature.select import is_to_strike

BATCH = 1000
"""Marks settled in one transaction, so that nobody signing waits long."""


@dataclass(frozen=True)
class Notice:
    """What is to be told about one delivery."""

    delivery: Delivery
    numbers: tuple[int, ...]
    """On the list, ascending."""

    @property
    def spans(self) -> str:
        """The numbers as they are written: ``3, 7–9, 12``."""
        return ", ".join(_spans(self.numbers))


def due(db: Session) -> list[Notice]:
    """Return what delegations were not told yet, the oldest delivery first."""
    query = _due(DeliveryRow.delivery_id, DeliveryRow.number).order_by(
        Delivery.prepared_at, DeliveryRow.delivery_id, DeliveryRow.number
    )
    found = groupby(db.execute(query), key=lambda row: row.delivery_id)
    return [
        Notice(db.get_one(Delivery, delivery_id), tuple(row.number for row in rows))
        for delivery_id, rows in found
    ]


def number_due(db: Session) -> int:
    """Return how many deliveries there are of which a delegation was not told something yet."""
    return db.scalar(_due(func.count(DeliveryRow.delivery_id.distinct()))) or 0


def told(db: Session, delivery_id: UUID, numbers: Iterable[int], *, on: date) -> int:
    """Note that the delegation was told of *numbers*; return how many were not noted before."""
    wanted = set(numbers)
    known = next((each for each in due(db) if each.delivery.id == delivery_id), None)
    noted = sorted(wanted.intersection(known.numbers)) if known else []
    db.execute(
        update(DeliveryRow)
        .where(DeliveryRow.delivery_id == delivery_id, DeliveryRow.number.in_(noted))
        .values(notice_on=on)
    )
    return len(noted)


def settle_marks(db: Session, reading: Session) -> Iterator[int]:
    """Mark what fell away on a list and was not told yet, and nothing else; yield after each batch.

    Each signature is marked when it falls, so that nobody need look through all that ever fell. What
    stands on no list, or was told, keeps its mark until this is called: it costs time, and is not due.
    A list that is being made cannot bring it back, since none is sent with a name that fell before.

    Args:
        db: A session that may write; the caller commits after each batch.
        reading: One that reads, so that nobody waits while rows are looked for.
    """
    is_untold = (
        select(DeliveryRow.number)
        .where(
            DeliveryRow.state_code == Signature.state_code,
            DeliveryRow.signature_id == Signature.id,
            DeliveryRow.notice_on.is_(None),
        )
        .exists()
    )
    # Either by an index of its own: these are few, and the numbers on lists are many.
    for fell in (Signature.withdrawn_on.is_not(None), Signature.invalidation_id.is_not(None)):
        yield from _mark(db, reading, and_(fell, Signature.to_strike.is_(false()), is_untold), to_strike=True)
    yield from _mark(db, reading, and_(is_to_strike(), ~is_untold), to_strike=False)


def _mark(db: Session, reading: Session, is_meant: ColumnElement[bool], *, to_strike: bool) -> Iterator[int]:
    key = Signature.state_code, Signature.id
    found = reading.execute(select(*key).where(is_meant).execution_options(yield_per=BATCH))
    for keys in found.partitions():
        among = tuple_(*key).in_([tuple(each) for each in keys])
        # What somebody else has in hand is left for the next time, or both might wait in a circle.
        free = select(*key).where(among, is_meant).with_for_update(skip_locked=True, of=Signature)
        changed = update(Signature).where(tuple_(*key).in_(free.correlate(None)))
        yield batch.execute(db, changed.values(to_strike=to_strike))


def _due(*columns: Any) -> Select[Any]:
    # The marked come first: a database that began with the numbers on lists would read them all.
    marked = (
        select(Signature.state_code, Signature.id).where(is_to_strike()).cte().prefix_with("MATERIALIZED")
    )
    same = (marked.c.state_code == DeliveryRow.state_code) & (marked.c.id == DeliveryRow.signature_id)
    return (
        select(*columns)
        .join_from(marked, DeliveryRow, same)
        .join(Delivery, Delivery.id == DeliveryRow.delivery_id)
        .where(DeliveryRow.notice_on.is_(None), Delivery.status.in_(REACHED - {BOUNCED}))
    )


def _spans(numbers: Iterable[int]) -> Iterator[str]:
    for _, run in groupby(enumerate(numbers), key=lambda each: each[1] - each[0]):
        first, *others = [number for _, number in run]
        if not others:
            yield str(first)
        else:
            yield f"{first}{'–' if len(others) > 1 else ', '}{others[-1]}"
