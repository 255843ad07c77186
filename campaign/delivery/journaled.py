"""Deliveries and notices in the journal: what a restored backup needs of those that were sent after it.

The signatures on a list, and the numbers to strike, are encrypted under a key that only the database and its
backups have: a receiver of the list could otherwise tell from the journal which row is whose. The final
erasure deletes that key.
"""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from campaign.database import batch, journal
from campaign.database.fact import Fact, read_fact, save_fact
from campaign.database.journal_line import Act
from campaign.delivery.model import PREPARED, SENDING, UNCERTAIN, Delivery, DeliveryRow
from campaign.errors import WrongKeyError
from campaign.sealing import box
from campaign.signature.model import Signature

_KEY = "journal_key"
"""The name of the key in the table ``site``."""

_PLAIN = ("code", "state_code", "edition", "language", "recipient", "total", "named", "message_id")
_HASHES = ("letter_hash", "list_hash")
_TIMES = ("prepared_at", "sending_at")

_ID_BYTES, _NUMBER_BYTES = 16, 4


def make_key(db: Session) -> None:
    """Make the key at the first start, so that every backup has it."""
    if read_fact(db, _KEY) is None:
        save_fact(db, _KEY, secrets.token_hex(32))


def delete_key(db: Session) -> None:
    """Make the signatures on delivered lists unreadable in every journal."""
    db.execute(delete(Fact).where(Fact.name == _KEY))


def record_sending(db: Session, delivery_id: UUID) -> None:
    """Write a delivery to the journal, in the transaction that begins to send it."""
    found = db.get_one(Delivery, delivery_id, populate_existing=True)
    about: dict[str, Any] = {name: getattr(found, name) for name in _PLAIN}
    about |= {name: getattr(found, name).hex() for name in _HASHES}
    about |= {name: getattr(found, name).isoformat() for name in _TIMES}
    numbered = select(DeliveryRow.signature_id).where(DeliveryRow.delivery_id == delivery_id)
    ids = b"".join(each.bytes for each in db.scalars(numbered.order_by(DeliveryRow.number)))
    about["signatures"] = _wrap(db, ids, str(delivery_id))
    journal.record(db, journal.DELIVER, id=delivery_id, **about)


def record_notice(db: Session, delivery_id: UUID, numbers: Iterable[int], *, on: date) -> None:
    """Write to the journal that a delegation was asked to strike *numbers* from its list."""
    content = b"".join(number.to_bytes(_NUMBER_BYTES) for number in numbers)
    wrapped = _wrap(db, content, f"{delivery_id} {on}")
    journal.record(db, journal.NOTIFY, id=delivery_id, numbers=wrapped, on=on)


def replay_sending(db: Session, act: Act) -> bool:
    """Add the delivery of *act*, or mark it as sent; return whether it was not known as sent."""
    known = db.get(Delivery, UUID(act["id"]), with_for_update=True)
    if known is None:
        known = _add(db, act)
        _add_rows(db, known, act.get("signatures", ""))
    elif known.status != PREPARED:
        return False
    known.status, known.sending_at = UNCERTAIN, datetime.fromisoformat(act["sending_at"])
    db.flush()
    return True


def replay_notice(db: Session, act: Act) -> bool:
    """Record the notice of *act*; return whether any of its numbers was new."""
    content = _unwrap(db, act["numbers"], f"{act['id']} {act['on']}")
    ends = range(0, len(content), _NUMBER_BYTES)
    numbers = [int.from_bytes(content[at : at + _NUMBER_BYTES]) for at in ends]
    rows = (
        update(DeliveryRow)
        .where(DeliveryRow.delivery_id == UUID(act["id"]), DeliveryRow.number.in_(numbers))
        .where(DeliveryRow.notice_on.is_(None))
    )
    return batch.execute(db, rows.values(notice_on=journal.day(act["on"]))) > 0


def replay_outcome(db: Session, act: Act) -> bool:
    """Record the outcome of *act*; return whether it was new."""
    known = db.get(Delivery, UUID(act["id"]), with_for_update=True)
    if known is None or known.status == act["status"]:
        return False
    known.status, known.smtp_code = act["status"], act.get("smtp_code")
    if act.get("settled_at"):
        known.settled_at = datetime.fromisoformat(act["settled_at"])
    if act.get("replied_on"):
        known.replied_on = date.fromisoformat(act["replied_on"])
    db.flush()
    return True


def _add(db: Session, act: Act) -> Delivery:
    delivery = Delivery(
        id=UUID(act["id"]),
        status=SENDING,
        organiser="",
        **{name: act[name] for name in _PLAIN},
        **{name: bytes.fromhex(act[name]) for name in _HASHES},
        **{name: datetime.fromisoformat(act[name]) for name in _TIMES},
    )
    db.add(delivery)
    db.flush()
    return delivery


def _add_rows(db: Session, delivery: Delivery, wrapped: str) -> None:
    """Add the numbers whose signatures are in this database."""
    ids = _unwrap(db, wrapped, str(delivery.id))
    known = set(db.scalars(select(Signature.id).where(Signature.state_code == delivery.state_code)))
    parts = (ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES))
    rows = [
        {
            "delivery_id": delivery.id,
            "number": number,
            "state_code": delivery.state_code,
            "signature_id": each,
        }
        for number, each in enumerate((UUID(bytes=part) for part in parts), start=1)
        if each in known
    ]
    if rows:
        db.execute(insert(DeliveryRow), rows)


def _wrap(db: Session, content: bytes, about: str) -> str:
    """Return *content* encrypted; nothing after the final erasure, which deletes the key."""
    key = read_fact(db, _KEY)
    return b64encode(box.wrap(content, bytes.fromhex(key), f"{_KEY} {about}")).decode() if key else ""


def _unwrap(db: Session, wrapped: str, about: str) -> bytes:
    key = read_fact(db, _KEY)
    with suppress(WrongKeyError):
        if key and wrapped:
            return box.unwrap(b64decode(wrapped), bytes.fromhex(key), f"{_KEY} {about}")
    return b""
