"""Telling delegations which numbers on their lists no longer stand: withdrawn, or invalidated, since."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from uuid import UUID

from sqlalchemy import Subquery, select, update
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
    fallen = _fallen()
    same = (fallen.c.state_code == DeliveryRow.state_code) & (fallen.c.id == DeliveryRow.signature_id)
    query = (
        select(DeliveryRow.delivery_id, DeliveryRow.number)
        .join(fallen, same)
        .join(Delivery, Delivery.id == DeliveryRow.delivery_id)
        .where(DeliveryRow.notice_on.is_(None), Delivery.status.in_(REACHED - {BOUNCED}))
        .order_by(Delivery.prepared_at, DeliveryRow.delivery_id, DeliveryRow.number)
    )
    found = groupby(db.execute(query), key=lambda row: row.delivery_id)
    return [
        Notice(db.get_one(Delivery, delivery_id), tuple(row.number for row in rows))
        for delivery_id, rows in found
    ]


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


def _fallen() -> Subquery:
    # Two queries, each over an index of its own: these are few, and the numbers on lists are many.
    keys = select(Signature.state_code, Signature.id)
    withdrawn = keys.where(Signature.withdrawn_on.is_not(None))
    return withdrawn.union(keys.where(Signature.invalidation_id.is_not(None))).subquery()


def _spans(numbers: Iterable[int]) -> Iterator[str]:
    for _, run in groupby(enumerate(numbers), key=lambda each: each[1] - each[0]):
        first, *others = [number for _, number in run]
        if not others:
            yield str(first)
        else:
            yield f"{first}{'–' if len(others) > 1 else ', '}{others[-1]}"
