"""Sending the owner of a mailbox the links to what was signed with it."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign import seal
from campaign.mail import outbox
from campaign.participating_state import STATES
from campaign.seal import ServerKeys
from campaign.signature.row import Signature
from campaign.signature.sign import may_write_to, new_token


def send_links(db: Session, email: str, *, language: str, keys: ServerKeys, now: datetime) -> None:
    """Put one mail in the outbox with a fresh link to each signature made with *email*.

    An address that signed nothing gets no mail; whoever asked is told the same either way.
    """
    digests = {code: seal.address_digest(keys, code, email) for code in STATES}
    found = db.scalars(
        select(Signature)
        .where(Signature.digest.in_(digests.values()), Signature.withdrawn_on.is_(None))
        .order_by(Signature.state_code, func.coalesce(Signature.confirmed_on, Signature.signed_on).desc())
    )
    latest: dict[str, Signature] = {}
    for signature in found:
        # A confirmed one stands for its pending siblings.
        kept = latest.get(signature.state_code)
        if kept is None or (signature.is_standing and not kept.is_standing):
            latest[signature.state_code] = signature
    if may_write_to(db, keys, email, now) and latest:
        links = [[code, new_token(db, signature)] for code, signature in latest.items()]
        outbox.put(
            db,
            keys,
            purpose="links",
            language=language,
            recipient=email,
            params={"links": links},
            now=now,
        )
