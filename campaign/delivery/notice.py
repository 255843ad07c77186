"""Notices to delegations: numbers on delivered lists that were withdrawn or invalidated later."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, func, select, tuple_, update
from sqlalchemy.orm import Session

from campaign.database import batch
from campaign.delivery.journaled import record_notice
from campaign.delivery.model import BOUNCED, REACHED, Delivery, DeliveryRow
from campaign.signature.model import Signature
from campaign.signature.select import is_to_strike

BATCH = 1000
"""Marks changed in one transaction; more would make signing wait."""


@dataclass(frozen=True)
class Notice:
    """The numbers to strike on the list of one delivery."""

    delivery: Delivery
    numbers: tuple[int, ...]
    """Ascending."""

    @property
    def spans(self) -> str:
        """The numbers as text: ``3, 7–9, 12``."""
        return ", ".join(_spans(self.numbers))


def pending(db: Session) -> list[Notice]:
    """Return the notices that delegations did not get yet, the oldest delivery first."""
    query = _pending(DeliveryRow.delivery_id, DeliveryRow.number).order_by(
        Delivery.prepared_at, DeliveryRow.delivery_id, DeliveryRow.number
    )
    found = groupby(db.execute(query), key=lambda row: row.delivery_id)
    return [
        Notice(db.get_one(Delivery, delivery_id), tuple(row.number for row in rows))
        for delivery_id, rows in found
    ]


def count_pending(db: Session) -> int:
    """Return the number of deliveries with a pending notice."""
    return db.scalar(_pending(func.count(DeliveryRow.delivery_id.distinct()))) or 0


def record_notified(db: Session, delivery_id: UUID, numbers: Iterable[int], *, on: date) -> int:
    """Record that the delegation was notified of *numbers*; return how many of them were pending."""
    notice = next((each for each in pending(db) if each.delivery.id == delivery_id), None)
    notified = sorted(set(numbers).intersection(notice.numbers)) if notice else []
    db.execute(
        update(DeliveryRow)
        .where(DeliveryRow.delivery_id == delivery_id, DeliveryRow.number.in_(notified))
        .values(notice_on=on)
    )
    if notified:
        record_notice(db, delivery_id, notified, on=on)
    return len(notified)


def refresh_marks(db: Session, reading: Session) -> Iterator[int]:
    """Set ``to_strike`` on exactly the signatures with a pending notice; yield after each batch.

    Withdrawing and invalidating already set the mark, so that :func:`pending` reads few rows. This
    clears it where the signature is on no list or the delegation was notified; such marks only cost
    time. A cleared mark stays correct: no later list has the name of a withdrawn or invalidated signature.

    Args:
        db: A session that may write; the caller commits after each batch.
        reading: A session that reads, so that searching locks nothing.
    """
    is_pending = (
        select(DeliveryRow.number)
        .where(
            DeliveryRow.state_code == Signature.state_code,
            DeliveryRow.signature_id == Signature.id,
            DeliveryRow.notice_on.is_(None),
        )
        .exists()
    )
    # Two queries, as each condition has its own index.
    for is_gone in (Signature.withdrawn_on.is_not(None), Signature.invalidation_id.is_not(None)):
        is_unmarked = and_(is_gone, Signature.to_strike.is_(false()), is_pending)
        yield from _mark(db, reading, is_unmarked, to_strike=True)
    yield from _mark(db, reading, and_(is_to_strike(), ~is_pending), to_strike=False)


def _mark(db: Session, reading: Session, condition: ColumnElement[bool], *, to_strike: bool) -> Iterator[int]:
    key = Signature.state_code, Signature.id
    found = reading.execute(select(*key).where(condition).execution_options(yield_per=BATCH))
    for keys in found.partitions():
        among = tuple_(*key).in_([tuple(each) for each in keys])
        # Rows that another transaction has locked are left for the next call: waiting could deadlock.
        free = select(*key).where(among, condition).with_for_update(skip_locked=True, of=Signature)
        changed = update(Signature).where(tuple_(*key).in_(free.correlate(None)))
        yield batch.execute(db, changed.values(to_strike=to_strike))


def _pending(*columns: Any) -> Select[Any]:
    # MATERIALIZED makes the database begin with the few marked signatures, not with all numbers on lists.
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
