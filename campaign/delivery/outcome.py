"""Record the outcome of a delivery that organisers learn of later: a reply or a bounce."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from campaign.delivery.model import BOUNCED, REPLIED, Delivery, advance
from campaign.errors import DeliveryError
from campaign.organiser import audit_log


def note_reply(
    db: Session,
    delivery_id: UUID,
    *,
    replied_on: date,
    note: str,
    by: str,
    now: datetime,
    public_reply: str = "",
) -> None:
    """Record that the delegation replied; the site shows everyone the day and *public_reply*.

    Raises:
        DeliveryError: The message was not sent, or *replied_on* is before sending or in the future.
    """
    delivery = db.get_one(Delivery, delivery_id)
    if delivery.sent_on is None:
        raise DeliveryError("only a letter that was sent can have a reply")
    if not delivery.sent_on <= replied_on <= now.date():
        raise DeliveryError("the day of the reply is before the letter or in the future")
    changes = {"replied_on": replied_on, "note": note.strip(), "public_reply": public_reply.strip()}
    if not advance(db, REPLIED, Delivery.id == delivery_id, **changes):
        raise DeliveryError("only a letter that was sent can have a reply")
    audit_log.record(db, by, "note reply", delivery.code, now=now)


def note_bounce(db: Session, delivery_id: UUID, *, by: str, now: datetime) -> None:
    """Record that the message bounced.

    Raises:
        DeliveryError: The message was not sent, or the delegation replied to it.
    """
    if not advance(db, BOUNCED, Delivery.id == delivery_id, settled_at=now):
        raise DeliveryError("only a message that was sent and has no reply can bounce")
    audit_log.record(db, by, "note bounce", db.get_one(Delivery, delivery_id).code, now=now)
