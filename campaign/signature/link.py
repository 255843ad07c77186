"""Sending the owner of a mailbox the links to what was signed with it."""

from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from campaign.mail import outbox
from campaign.reference.participating_state import STATES
from campaign.sealing.address_digest import address_digest
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.select import of_mailbox
from campaign.signature.sign import may_write_to, new_token


def count_links(db: Session, signature: Signature) -> int:
    """Return how many links open the private page of *signature*."""
    query = select(func.count()).select_from(SignatureToken)
    return (
        db.scalar(
            query.where(
                SignatureToken.state_code == signature.state_code,
                SignatureToken.signature_id == signature.id,
            )
        )
        or 0
    )


def ask_for_links(db: Session, email: str, *, language: str, keys: ServerKeys, now: datetime) -> None:
    """Have the worker send the links to what was signed with *email*.

    Whether anything was is looked up by the worker alone: here even the time would tell it.
    """
    outbox.add(db, keys, purpose=outbox.LINK_REQUEST, language=language, recipient=email, params={}, now=now)


def send_links(db: Session, email: str, *, language: str, keys: ServerKeys, now: datetime) -> None:
    """Put one mail in the outbox with a fresh link to each signature made with *email*.

    An address that signed nothing gets no mail, and neither does one that had five today.
    """
    digests = {code: address_digest(keys, code, email) for code in STATES}
    found = db.scalars(
        select(Signature)
        .where(
            or_(*(of_mailbox(code, digest) for code, digest in digests.items())),
            Signature.withdrawn_on.is_(None),
        )
        .order_by(Signature.state_code, func.coalesce(Signature.confirmed_on, Signature.signed_on).desc())
    )
    latest: dict[str, Signature] = {}
    for signature in found:
        # A confirmed one stands for its pending siblings.
        kept = latest.get(signature.state_code)
        if kept is None or (signature.is_confirmed and not kept.is_confirmed):
            latest[signature.state_code] = signature
    if latest and may_write_to(db, keys, email, now):
        links = [[code, new_token(db, signature)] for code, signature in latest.items()]
        outbox.add(
            db, keys, purpose="links", language=language, recipient=email, params={"links": links}, now=now
        )
