"""The rows of a delivery that is being sent: prepared, begun, or discarded."""

import hashlib
from datetime import date
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from campaign.delivery.document import Document
from campaign.delivery.journaled import record_sending
from campaign.delivery.model import (
    PREPARED,
    REACHED,
    SENDING,
    Delivery,
    DeliveryRow,
    advance,
    deliveries,
)
from campaign.delivery.order import Order, Sender
from campaign.delivery.plan import Plan
from campaign.disclosure import safety_list
from campaign.disclosure.delivered_name import has_deliverable_name
from campaign.errors import DeliveryError
from campaign.organiser import audit_log
from campaign.signature.model import Signature

BATCH = 5000
"""Rows of a list in one INSERT."""


def recipient_of(planned: Plan) -> str:
    """Return the delegation's address."""
    assert planned.readiness.address is not None
    return planned.readiness.address.email


def latest_id(planned: Plan) -> UUID | None:
    """Return the latest delivery that the plan knew, if any."""
    latest = planned.readiness.latest_reached
    return latest.id if latest else None


def record(sender: Sender, order: Order, planned: Plan, document: Document, *, message_id: str) -> bool:
    """Store the prepared delivery; return whether it is new."""
    delivery = Delivery(
        id=order.delivery_id,
        code=document.cover.code,
        state_code=planned.state.code,
        status=PREPARED,
        edition=planned.edition,
        language=planned.language.code,
        recipient=recipient_of(planned),
        total=document.cover.total,
        named=len(document.numbers),
        letter_hash=hashlib.sha256(planned.letter.text().encode()).digest(),
        list_hash=document.list_hash,
        organiser=sender.organiser.name,
        message_id=message_id,
        prepared_at=sender.clock(),
    )
    try:
        with sender.database.writing() as db:
            db.add(delivery)
            db.flush()
            numbers = iter(document.numbers)
            while batch := [_row(delivery, *numbered) for numbered in islice(numbers, BATCH)]:
                db.execute(insert(DeliveryRow), batch)
            subject = f"{planned.state.code} {delivery.code}"
            audit_log.record(db, sender.organiser.name, "send delivery", subject, now=sender.clock())
    except IntegrityError:
        return False
    return True


def _row(delivery: Delivery, number: int, signature_id: UUID) -> dict[str, Any]:
    return {
        "delivery_id": delivery.id,
        "number": number,
        "state_code": delivery.state_code,
        "signature_id": signature_id,
    }


def discard(sender: Sender, order: Order) -> None:
    """Delete a delivery that was never begun: it would stand above the one that was sent instead."""
    with sender.database.writing() as db:
        is_this = (Delivery.id == order.delivery_id) & (Delivery.status == PREPARED)
        if db.execute(delete(Delivery).where(is_this).returning(Delivery.id)).first():
            subject = order.state.code
            audit_log.record(db, sender.organiser.name, "not sent", subject, now=sender.clock())


def begin(sender: Sender, order: Order, planned: Plan, document: Document) -> None:
    """Commit *sending*, unless something changed since the plan that forbids it.

    Raises:
        DeliveryError: Another message was sent, or the list may not be sent any more.
    """
    state_code = planned.state.code
    try:
        with sender.database.writing() as db:
            latest = db.scalar(deliveries(state_code).where(Delivery.status.in_(REACHED)).limit(1))
            if (latest.id if latest else None) != latest_id(planned):
                raise DeliveryError("another message to this delegation was sent meanwhile")
            lists = safety_list.current_lists(db, sender.appeal)
            if lists.is_altered:
                raise DeliveryError("the safety lists were changed in the database")
            if state_code in lists.no_names_to and not planned.names_withheld:
                raise DeliveryError("this delegation gets no names any more")
            if _still_deliverable(db, order.delivery_id, planned.names_from) != len(document.numbers):
                raise DeliveryError("somebody on the list withdrew meanwhile")
            if not advance(db, SENDING, Delivery.id == order.delivery_id, sending_at=sender.clock()):
                raise DeliveryError("this delivery was begun already")
            record_sending(db, order.delivery_id)
    except IntegrityError as error:
        raise DeliveryError("another message to this delegation is being sent") from error


def _still_deliverable(db: Session, delivery_id: UUID, since: date | None) -> int:
    """Return how many names of the list may still be delivered."""
    same = (Signature.state_code == DeliveryRow.state_code) & (Signature.id == DeliveryRow.signature_id)
    query = select(func.count()).select_from(DeliveryRow).join(Signature, same)
    return db.scalar(query.where(DeliveryRow.delivery_id == delivery_id, has_deliverable_name(since))) or 0
