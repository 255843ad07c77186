"""What the owner of a private link may do beside confirming: change who sees the name, withdraw."""

from datetime import date, datetime, timedelta
from typing import Protocol

from sqlalchemy import and_, select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from campaign.errors import CampaignError, UnknownTokenError
from campaign.sealing.code import code_hash
from campaign.signature import count
from campaign.signature.model import COUNTED, DISCLOSURES, PUBLIC, Signature, SignatureToken


class Pending(Protocol):
    """What says whether a signature was confirmed, or still can be."""

    @property
    def signed_on(self) -> date:
        """When the form was sent."""

    @property
    def confirmed_on(self) -> date | None:
        """When its mailbox's owner confirmed it."""


def open_link(db: Session, token: str, *, now: datetime, confirmation_days: int) -> Signature:
    """Return the signature whose private page *token* opens.

    Raises:
        UnknownTokenError: None has this token, or it was not confirmed in time.
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
    if signature is None or is_overdue(signature, now.date(), confirmation_days):
        raise UnknownTokenError("no signature has this link, or it was not confirmed in time")
    return signature


def is_overdue(signature: Pending, today: date, confirmation_days: int) -> bool:
    """Whether *signature* was not confirmed in time."""
    return signature.confirmed_on is None and signature.signed_on + timedelta(days=confirmation_days) < today


def disclose(db: Session, token: str, disclosure: str, *, now: datetime, confirmation_days: int) -> Signature:
    """Change who may see the name, from now on.

    Raises:
        UnknownTokenError: None has this token.
        CampaignError: The name was not kept, so there is nothing more to show; or no such choice.
    """
    signature = _open_locked(db, token, now=now, confirmation_days=confirmation_days)
    if disclosure not in DISCLOSURES:
        raise CampaignError("there is no such choice")
    if signature.disclosure == disclosure or signature.withdrawn_on:
        return signature
    if signature.disclosure == COUNTED:
        raise CampaignError("only the count was kept: to show a name, withdraw and sign again")
    signature.disclosure = disclosure
    if disclosure != PUBLIC:
        signature.public_name = None
        signature.name_review = None
    if disclosure == COUNTED:
        digest = signature.digest
        signature.forget()
        signature.digest = digest
    return signature


def withdraw(db: Session, token: str, *, now: datetime, confirmation_days: int) -> Signature:
    """Erase what identifies the signatory and take the signature off the count.

    Withdrawing twice returns the first withdrawal. A pending one is erased without having counted.

    Raises:
        UnknownTokenError: None has this token.
    """
    signature = _open_locked(db, token, now=now, confirmation_days=confirmation_days)
    if signature.withdrawn_on is None:
        take_back(db, signature, now=now)
    return signature


def take_back(db: Session, signature: Signature, *, now: datetime) -> None:
    """Withdraw a signature that stands locked in the caller's transaction."""
    signature.withdrawn_on = now.date()
    signature.to_strike = True
    signature.forget()
    if signature.confirmed_on and not signature.is_set_aside:
        count.add(db, signature.state_code, signature.residence, on=now.date(), withdrawn=1)


def _open_locked(db: Session, token: str, *, now: datetime, confirmation_days: int) -> Signature:
    signature = open_link(db, token, now=now, confirmation_days=confirmation_days)
    try:
        db.refresh(signature, with_for_update=True)
    except InvalidRequestError:
        # A sibling was confirmed at this moment; the link leads to that one now.
        db.expunge(signature)
        signature = open_link(db, token, now=now, confirmation_days=confirmation_days)
        db.refresh(signature, with_for_update=True)
    return signature
