"""Waiting mails of the outbox, decrypted with the server's key as the worker does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.mail import outbox
from campaign.mail.outbox import OutboxMail
from campaign.sealing.server_key import ServerKeys


@dataclass(frozen=True)
class Waiting:
    purpose: str
    recipient: str
    params: Mapping[str, Any]


def mails(db: Session, keys: ServerKeys) -> list[Waiting]:
    """Return the waiting mails, the newest last."""
    db.flush()
    rows = db.scalars(select(OutboxMail).order_by(OutboxMail.created_at, OutboxMail.id))
    opened = [outbox.content(keys, row) for row in rows if row.sealed]
    return [Waiting(each.purpose, each.recipient, each.params) for each in opened]
