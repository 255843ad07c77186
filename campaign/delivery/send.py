"""Send a delivery: plan, refuse, build, record, hand over, record the outcome.

Each step is on disk before the next one begins, so that it is always known what was sent.
"""

from email.message import EmailMessage

from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.delivery.document import NO_CODE, Document
from campaign.delivery.message import delivery_message
from campaign.delivery.model import (
    ACCEPTED,
    DELAYED,
    REFUSED,
    UNCERTAIN,
    Delivery,
    advance,
)
from campaign.delivery.order import Order, Sender
from campaign.delivery.plan import Plan, plan
from campaign.delivery.sending import begin, discard, latest_id, recipient_of, record
from campaign.delivery.unsealed_document import build_unsealed
from campaign.disclosure import safety_list
from campaign.errors import DeliveryError, MailError, PermanentMailError, UncertainMailError
from campaign.letter.edition import current_edition
from campaign.mail.transport import open_transport
from campaign.organiser import audit_log
from campaign.reference.language import ENGLISH, Language
from campaign.reference.participating_state import ParticipatingState
from campaign.sealing.code import new_code


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
        sender.settings, planned, document, recipient=recipient_of(planned), now=sender.clock()
    )
    if record(sender, order, planned, document, message_id=str(message["Message-ID"])):
        _hand_over(sender, order, planned, document, message)
    with sender.database.reading() as db:
        return db.get_one(Delivery, order.delivery_id)


def send_test(
    sender: Sender, state: ParticipatingState, recipient: str, *, language: Language = ENGLISH
) -> None:
    """Send the document to *recipient* with made-up entries in place of the names.

    Raises:
        MailError: The message was not accepted.
    """
    now = sender.clock()
    appeal, edition = _current_edition(sender)
    with sender.database.writing() as db:
        audit_log.record(db, sender.organiser.name, "send test", state.code, now=now)
    with sender.database.snapshot() as db:
        planned = plan(db, appeal, state, edition=edition, today=now.date(), language=language)
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
    if order.shown not in {None, planned.shown}:
        raise DeliveryError("the letter, its recipient or its sender changed since the preview")
    if latest_id(planned) != order.latest_id:
        raise DeliveryError("another message to this delegation was sent since the preview")


def _hand_over(
    sender: Sender, order: Order, planned: Plan, document: Document, message: EmailMessage
) -> None:
    """Hand the message over to the relay; record the outcome."""
    status, code = ACCEPTED, 250
    try:
        with open_transport(sender.settings) as transport:
            transport.send(message, before_data=lambda: begin(sender, order, planned, document))
    except DeliveryError:
        discard(sender, order)
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
