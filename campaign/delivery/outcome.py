"""What organisers learn of a delivery afterwards: a reply, or that it came back."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from campaign.delivery.model import ACCEPTED, BOUNCED, REACHED, REPLIED, SENDING, UNCERTAIN, Delivery
from campaign.errors import DeliveryError
from campaign.organiser import audit_log


def note_reply(
    db: Session, delivery_id: UUID, *, replied_on: date, note: str, by: str, now: datetime
) -> None:
    """Note that the delegation answered.

    Raises:
        DeliveryError: It was never handed over, or the day cannot be right.
    """
    delivery = _locked(db, delivery_id)
    if delivery.status not in REACHED - {SENDING} or delivery.sent_on is None:
        raise DeliveryError("a reply can only follow a letter that was handed over")
    if not delivery.sent_on <= replied_on <= now.date():
        raise DeliveryError("the day of the reply lies before the letter, or in the future")
    delivery.status, delivery.replied_on, delivery.note = REPLIED, replied_on, note.strip()
    audit_log.record(db, by, "note reply", delivery.code, now=now)


def note_bounce(db: Session, delivery_id: UUID, *, by: str, now: datetime) -> None:
    """Note that the message came back, so that the delegation never had it.

    Raises:
        DeliveryError: It was not handed over, or the delegation answered it.
    """
    delivery = _locked(db, delivery_id)
    if delivery.status not in {ACCEPTED, UNCERTAIN}:
        raise DeliveryError("only a message that was handed over can come back")
    delivery.status, delivery.settled_at = BOUNCED, now
    audit_log.record(db, by, "note bounce", delivery.code, now=now)


def _locked(db: Session, delivery_id: UUID) -> Delivery:
    # Read anew under the lock: another organiser may have noted something since the page was made.
    return db.get_one(Delivery, delivery_id, with_for_update=True, populate_existing=True)
