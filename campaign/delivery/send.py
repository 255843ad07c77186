"""Sending a delivery: every step is on disk before the next, so that what was sent is known."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.clock import Clock
from campaign.database.session import Database
from campaign.delivery import document
from campaign.delivery.document import Document
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
    deliveries,
)
from campaign.delivery.plan import Plan, plan
from campaign.disclosure import safety_list
from campaign.disclosure.delivered_name import named
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

ROWS_AT_ONCE = 5000


@dataclass(frozen=True, kw_only=True)
class Sender:
    """What a delivery needs beside its order: the site's parts, and the organiser who sends."""

    database: Database
    settings: Settings
    appeal: Appeal
    organiser: Unlocked
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Order:
    """What an organiser decided on the preview's page."""

    delivery_id: UUID
    state: ParticipatingState
    confirmed: Collection[str] = ()
    """The cautions that the organiser read and ticked."""
    language: Language = ENGLISH


def send(sender: Sender, order: Order) -> Delivery:
    """Send the letter with its list; return the delivery in the state it ended in.

    The same order sent twice makes one delivery. Nothing is locked while the document is
    built or the relay is spoken to. ``sending`` is on disk before the message's content
    leaves; whatever interrupts after that leaves *uncertain* at worst, never a second message.

    Raises:
        DeliveryError: Something forbids it, or a caution was not confirmed.
    """
    database, now = sender.database, sender.clock()
    with database.writing() as db:
        appeal = safety_list.effective(db, sender.appeal)
        edition = current_edition(db, appeal, now=now)
    code = new_code()
    with database.snapshot() as db:
        # In the same moment as the plan: the order's own first copy must not speak against it.
        known = db.get(Delivery, order.delivery_id)
        if known is not None:
            return known
        planned = plan(db, sender.appeal, order.state, today=now.date())
        if planned.appeal.no_names_to != appeal.no_names_to:
            raise DeliveryError("the safety lists were changed meanwhile")
        _refuse(planned, order.confirmed)
        built = _build(db, sender, planned, order.language, edition=edition, code=code)
    assert planned.delegation is not None
    mail = document.message(sender.settings, planned, built, recipient=planned.delegation.email, code=code)
    delivery = _record(order, sender, planned, built, code=code, message_id=str(mail["Message-ID"]))
    if delivery is None:
        with database.reading() as db:
            return db.get_one(Delivery, order.delivery_id)
    _hand_over(sender, delivery, mail, planned)
    with database.reading() as db:
        return db.get_one(Delivery, order.delivery_id)


def send_test(sender: Sender, state: ParticipatingState, recipient: str) -> None:
    """Send the document to *recipient* with made-up entries in place of the names.

    Raises:
        MailError: It was not accepted.
    """
    now = sender.clock()
    with sender.database.writing() as db:
        edition = current_edition(db, safety_list.effective(db, sender.appeal), now=now)
        audit_log.record(db, sender.organiser.name, "send test", state.code, now=now)
    with sender.database.reading() as db:
        planned = plan(db, sender.appeal, state, today=now.date())
        built = _build(db, sender, planned, ENGLISH, edition=edition, code=document.NO_CODE, as_test=True)
    mail = document.message(
        sender.settings, planned, built, recipient=recipient, code=document.NO_CODE, as_test=True
    )
    with open_transport(sender.settings) as transport:
        transport.send(mail)


def _refuse(planned: Plan, confirmed: Collection[str]) -> None:
    if planned.obstacles:
        raise DeliveryError(", ".join(planned.obstacles))
    missing = set(planned.cautions) - set(confirmed)
    if missing:
        raise DeliveryError(", ".join(sorted(missing)))


def _build(
    db: Session,
    sender: Sender,
    planned: Plan,
    language: Language,
    *,
    edition: int,
    code: str,
    as_test: bool = False,
) -> Document:
    return document.build(
        db,
        planned,
        sender.organiser.campaign_private_key,
        edition=edition,
        language=language,
        code=code,
        made_on=sender.clock().date(),
        base_url=sender.settings.base_url,
        as_test=as_test,
    )


def _record(
    order: Order, sender: Sender, planned: Plan, built: Document, *, code: str, message_id: str
) -> Delivery | None:
    """Put the prepared delivery on disk; ``None`` when the same order was there first."""
    assert planned.delegation is not None
    delivery = Delivery(
        id=order.delivery_id,
        code=code,
        state_code=order.state.code,
        status=PREPARED,
        edition=built.edition,
        language=order.language.code,
        recipient=planned.delegation.email,
        total=planned.total,
        named=len(built.numbers),
        letter_hash=hashlib.sha256(built.letter.text().encode()).digest(),
        list_hash=built.list_hash,
        organiser=sender.organiser.name,
        message_id=message_id,
        prepared_at=sender.clock(),
    )
    try:
        with sender.database.writing() as db:
            db.add(delivery)
            db.flush()
            numbers = iter(built.numbers)
            while batch := [_numbered(delivery, *each) for each in islice(numbers, ROWS_AT_ONCE)]:
                db.execute(insert(DeliveryRow), batch)
            audit_log.record(
                db, sender.organiser.name, "send delivery", f"{order.state.code} {code}", now=sender.clock()
            )
    except IntegrityError:
        return None
    return delivery


def _still_named(db: Session, delivery: Delivery, since: date | None) -> int:
    """Return how many of the delivery's names may still go: who withdrew a moment ago shall not."""
    same = (Signature.state_code == DeliveryRow.state_code) & (Signature.id == DeliveryRow.signature_id)
    query = select(func.count()).select_from(DeliveryRow).join(Signature, same)
    return db.scalar(query.where(DeliveryRow.delivery_id == delivery.id, named(since))) or 0


def _is_withheld(db: Session, sender: Sender, planned: Plan) -> bool:
    """Whether organisers decided, while the list was built, that this delegation gets no names."""
    lists = safety_list.lists(db, sender.appeal)
    return planned.state.code in lists.no_names_to and not planned.names_withheld


def _numbered(delivery: Delivery, number: int, signature_id: UUID) -> dict[str, Any]:
    return {
        "delivery_id": delivery.id,
        "number": number,
        "state_code": delivery.state_code,
        "signature_id": signature_id,
    }


def _hand_over(sender: Sender, delivery: Delivery, mail: Any, planned: Plan) -> None:
    status, code = ACCEPTED, 250
    try:
        with open_transport(sender.settings) as transport:
            transport.send(mail, before_data=lambda: _begin(sender, delivery, planned))
    except UncertainMailError as error:
        status, code = UNCERTAIN, error.code
    except PermanentMailError as error:
        status, code = REFUSED, error.code
    except MailError as error:
        status, code = DELAYED, error.code
    with sender.database.writing() as db:
        db.execute(
            update(Delivery)
            .where(Delivery.id == delivery.id, Delivery.status.in_((PREPARED, SENDING)))
            .values(status=status, smtp_code=code, settled_at=sender.clock())
        )


def _begin(sender: Sender, delivery: Delivery, planned: Plan) -> None:
    """Commit ``sending``, unless another message to this delegation went out since the preview.

    Nor does a list go out that could not be made any more at this moment.
    """
    latest = planned.latest
    try:
        with sender.database.writing() as db:
            others = deliveries(delivery.state_code).where(Delivery.status.in_(REACHED)).limit(1)
            now_latest = db.scalar(others)
            if (now_latest and now_latest.id) != (latest and latest.id):
                raise DeliveryError("another message to this delegation was sent meanwhile")
            if _is_withheld(db, sender, planned):
                raise DeliveryError("this delegation gets no names any more")
            if _still_named(db, delivery, planned.names_from) != delivery.named:
                raise DeliveryError("somebody on the list withdrew meanwhile")
            changed = db.scalar(
                update(Delivery)
                .where(Delivery.id == delivery.id, Delivery.status == PREPARED)
                .values(status=SENDING, sending_at=sender.clock())
                .returning(Delivery.id)
            )
            if changed is None:
                raise DeliveryError("this delivery was begun already")
    except IntegrityError as error:
        raise DeliveryError("another message to this delegation is being sent") from error
