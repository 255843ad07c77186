"""Send a delivery: plan, refuse, build, record, hand over, record the outcome.

Each step is on disk before the next one begins, so that it is always known what was sent.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.clock import Clock
from campaign.database.session import Database
from campaign.delivery.document import NO_CODE, Document
from campaign.delivery.journaled import record_sending
from campaign.delivery.message import delivery_message
from campaign.delivery.model import (
    ACCEPTED,
    DELAYED,
    PREPARED,
    REACHED,
    REFUSED,
    SENDING,
    UNCERTAIN,
    Delivery,
    DeliveryRow,
    advance,
    deliveries,
)
from campaign.delivery.plan import Plan, plan
from campaign.delivery.unsealed_document import build_unsealed
from campaign.disclosure import safety_list
from campaign.disclosure.delivered_name import has_deliverable_name
from campaign.errors import DeliveryError, MailError, PermanentMailError, UncertainMailError
from campaign.letter.edition import current_edition
from campaign.mail.transport import open_transport
from campaign.organiser import audit_log
from campaign.organiser.account import Unlocked
from campaign.reference.language import ENGLISH, Language
from campaign.reference.participating_state import ParticipatingState
from campaign.sealing.code import new_code
from campaign.settings import Settings
from campaign.signature.model import Signature

BATCH = 5000
"""Rows of a list in one INSERT."""


@dataclass(frozen=True, kw_only=True)
class Sender:
    """The parts of the site that sending needs, and the organiser who sends."""

    database: Database
    settings: Settings
    appeal: Appeal
    organiser: Unlocked
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Order:
    """An organiser's decision on the preview's page."""

    delivery_id: UUID
    state: ParticipatingState
    confirmed: Collection[str] = ()
    """The cautions that the organiser confirmed."""
    latest_id: UUID | None = None
    """The latest delivery to this delegation that the page showed, if any."""
    language: Language = ENGLISH


def send(sender: Sender, order: Order) -> Delivery:
    """Send the letter with its list; return the delivery with the status it ended in.

    The same order sent twice makes one delivery. Nothing is locked while the document is
    built or the relay is connected. *sending* is committed before the message's content is
    sent; an interruption after that leaves *uncertain*, never a second message.

    Raises:
        DeliveryError: An obstacle forbids it, a caution was not confirmed, or something changed
            since the preview.
    """
    now = sender.clock()
    appeal, edition = _current_edition(sender)
    with sender.database.snapshot() as db:
        # In the plan's snapshot: the order's own first delivery must not be an obstacle to the second.
        known = db.get(Delivery, order.delivery_id)
        if known is not None:
            return known
        planned = plan(db, appeal, order.state, edition=edition, today=now.date(), language=order.language)
        if planned.appeal is not appeal:
            raise DeliveryError("the safety lists changed meanwhile")
        _refuse(planned, order)
        document = _build(sender, db, planned, new_code())
    message = delivery_message(
        sender.settings, planned, document, recipient=_recipient(planned), now=sender.clock()
    )
    if _record(sender, order, planned, document, message_id=str(message["Message-ID"])):
        _hand_over(sender, order, planned, document, message)
    with sender.database.reading() as db:
        return db.get_one(Delivery, order.delivery_id)


def send_test(sender: Sender, state: ParticipatingState, recipient: str) -> None:
    """Send the document to *recipient* with made-up entries in place of the names.

    Raises:
        MailError: The message was not accepted.
    """
    now = sender.clock()
    appeal, edition = _current_edition(sender)
    with sender.database.writing() as db:
        audit_log.record(db, sender.organiser.name, "send test", state.code, now=now)
    with sender.database.snapshot() as db:
        planned = plan(db, appeal, state, edition=edition, today=now.date())
        document = _build(sender, db, planned, NO_CODE)
    message = delivery_message(sender.settings, planned, document, recipient=recipient, now=now)
    with open_transport(sender.settings) as transport:
        transport.send(message)


def _build(sender: Sender, db: Session, planned: Plan, code: str) -> Document:
    organiser, base_url, now = sender.organiser, sender.settings.base_url, sender.clock()
    return build_unsealed(db, planned, organiser, sender.database, code=code, base_url=base_url, now=now)


def _current_edition(sender: Sender) -> tuple[Appeal, int]:
    """Return the content with the current safety lists, and the number of its stored edition."""
    with sender.database.writing() as db:
        appeal = safety_list.current_appeal(db, sender.appeal)
        return appeal, current_edition(db, appeal, now=sender.clock())


def _refuse(planned: Plan, order: Order) -> None:
    if planned.readiness.forbidden_by is not None:
        raise DeliveryError(planned.readiness.forbidden_by)
    unconfirmed = set(planned.cautions) - set(order.confirmed)
    if unconfirmed:
        raise DeliveryError(", ".join(sorted(unconfirmed)))
    if _latest_id(planned) != order.latest_id:
        raise DeliveryError("another message to this delegation was sent since the preview")


def _recipient(planned: Plan) -> str:
    assert planned.readiness.address is not None
    return planned.readiness.address.email


def _latest_id(planned: Plan) -> UUID | None:
    latest = planned.readiness.latest_reached
    return latest.id if latest else None


def _record(sender: Sender, order: Order, planned: Plan, document: Document, *, message_id: str) -> bool:
    """Store the prepared delivery; return whether it is new."""
    delivery = Delivery(
        id=order.delivery_id,
        code=document.cover.code,
        state_code=planned.state.code,
        status=PREPARED,
        edition=planned.edition,
        language=planned.language.code,
        recipient=_recipient(planned),
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


def _hand_over(
    sender: Sender, order: Order, planned: Plan, document: Document, message: EmailMessage
) -> None:
    """Hand the message over to the relay; record the outcome."""
    status, code = ACCEPTED, 250
    try:
        with open_transport(sender.settings) as transport:
            transport.send(message, before_data=lambda: _begin(sender, order, planned, document))
    except DeliveryError:
        _discard(sender, order)
        raise
    except UncertainMailError as error:
        status, code = UNCERTAIN, error.code
    except PermanentMailError as error:
        status, code = REFUSED, error.code
    except MailError as error:
        status, code = DELAYED, error.code
    with sender.database.writing() as db:
        is_this = Delivery.id == order.delivery_id
        advance(db, status, is_this, smtp_code=code, settled_at=sender.clock())


def _discard(sender: Sender, order: Order) -> None:
    """Delete a delivery that was never begun: it would stand above the one that was sent instead."""
    with sender.database.writing() as db:
        is_this = (Delivery.id == order.delivery_id) & (Delivery.status == PREPARED)
        if db.execute(delete(Delivery).where(is_this).returning(Delivery.id)).first():
            subject = order.state.code
            audit_log.record(db, sender.organiser.name, "not sent", subject, now=sender.clock())


def _begin(sender: Sender, order: Order, planned: Plan, document: Document) -> None:
    """Commit *sending*, unless something changed since the plan that forbids it.

    Raises:
        DeliveryError: Another message was sent, or the list may not be sent any more.
    """
    state_code = planned.state.code
    try:
        with sender.database.writing() as db:
            latest = db.scalar(deliveries(state_code).where(Delivery.status.in_(REACHED)).limit(1))
            if (latest.id if latest else None) != _latest_id(planned):
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
