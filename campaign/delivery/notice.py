"""Telling delegations which numbers on their lists no longer stand: withdrawn, or invalidated, since."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Subquery, func, select, update
from sqlalchemy.orm import Session

from campaign.delivery.row import BOUNCED, REACHED, Delivery, DeliveryRow
from campaign.signature.row import Signature


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


def _due(*columns: Any) -> Select[Any]:
    fallen = _fallen()
    same = (fallen.c.state_code == DeliveryRow.state_code) & (fallen.c.id == DeliveryRow.signature_id)
    return (
        select(*columns)
        .join_from(fallen, DeliveryRow, same)
        .join(Delivery, Delivery.id == DeliveryRow.delivery_id)
        .where(DeliveryRow.notice_on.is_(None), Delivery.status.in_(REACHED - {BOUNCED}))
    )


def _fallen() -> Subquery:
    # Two queries, each over an index of its own: these are few, and the numbers on lists are many.
    keys, is_withdrawn = select(Signature.state_code, Signature.id), Signature.withdrawn_on.is_not(None)
    invalidated = keys.where(Signature.invalidation_id.is_not(None), ~is_withdrawn)
    return keys.where(is_withdrawn).union_all(invalidated).subquery()


def _spans(numbers: Iterable[int]) -> Iterator[str]:
    for _, run in groupby(enumerate(numbers), key=lambda each: each[1] - each[0]):
        first, *others = [number for _, number in run]
        if not others:
            yield str(first)
        else:
            yield f"{first}{'–' if len(others) > 1 else ', '}{others[-1]}"
