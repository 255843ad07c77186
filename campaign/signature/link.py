"""Private links: open the signature of a token, and send a mailbox's owner new links."""

from datetime import date, datetime, timedelta
from typing import Protocol

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from campaign.errors import UnknownTokenError
from campaign.mail import outbox
from campaign.reference.participating_state import STATES
from campaign.sealing.address_digest import AddressDigests
from campaign.sealing.code import code_hash
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.select import of_mailbox
from campaign.signature.sign import new_token, reserve_mails_to


class Confirmable(Protocol):
    """A signature's dates, as a row or an object."""

    @property
    def signed_on(self) -> date:
        """When the form was sent."""

    @property
    def confirmed_on(self) -> date | None:
        """When the mailbox's owner confirmed it."""


def find_by_token(db: Session, token: str, *, now: datetime, confirmation_days: int) -> Signature:
    """Return the signature whose private page *token* opens.

    Raises:
        UnknownTokenError: No signature has this token, or it was not confirmed in time.
    """
    signature = db.scalar(
        select(Signature)
        .join(
            SignatureToken,
            and_(
                SignatureToken.state_code == Signature.state_code,
                SignatureToken.signature_id == Signature.id,
            ),
        )
        .where(SignatureToken.hash == code_hash(token))
    )
    if signature is None or is_expired(signature, now.date(), confirmation_days):
        raise UnknownTokenError("no signature has this link, or it was not confirmed in time")
    return signature


def is_expired(signature: Confirmable, today: date, confirmation_days: int) -> bool:
    """Whether *signature* was not confirmed in time."""
    return signature.confirmed_on is None and signature.signed_on + timedelta(days=confirmation_days) < today


def count_links(db: Session, signature: Signature) -> int:
    """Return the number of links that open the private page of *signature*."""
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


def request_links(db: Session, email: str, *, language: str, keys: ServerKeys, now: datetime) -> None:
    """Ask the worker to send the links of all signatures made with *email*.

    Only the worker looks for signatures: here the response time would reveal whether there are any.
    """
    outbox.add(db, keys, purpose=outbox.LINK_REQUEST, language=language, recipient=email, params={}, now=now)


def send_links(db: Session, email: str, *, language: str, keys: ServerKeys, now: datetime) -> None:
    """Add one mail to the outbox with a new link to each signature made with *email*.

    An address without signatures gets no mail, and neither does one that was sent five today.
    """
    mailbox = AddressDigests.of(keys, email)
    found = db.scalars(
        select(Signature)
        .where(
            or_(*(of_mailbox(code, mailbox.for_letter(code)) for code in STATES)),
            Signature.withdrawn_on.is_(None),
        )
        .order_by(Signature.state_code, func.coalesce(Signature.confirmed_on, Signature.signed_on).desc())
    )
    latest: dict[str, Signature] = {}
    for signature in found:
        # A confirmed signature takes precedence over its pending siblings.
        known = latest.get(signature.state_code)
        if known is None or (signature.is_confirmed and not known.is_confirmed):
            latest[signature.state_code] = signature
    if latest and all(reserve_mails_to(db, [mailbox], now)):
        links = [[code, new_token(db, signature)] for code, signature in latest.items()]
        outbox.add(
            db, keys, purpose="links", language=language, recipient=email, params={"links": links}, now=now
        )
