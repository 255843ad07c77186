"""Withdraw a signature, or change who may see its name, by its private link."""

from datetime import datetime

from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.errors import CampaignError
from campaign.signature import count
from campaign.signature.link import find_by_token
from campaign.signature.model import COUNTED, DISCLOSURES, PUBLIC, Signature


def disclose(db: Session, token: str, disclosure: str, *, now: datetime, confirmation_days: int) -> Signature:
    """Change who may see the name from now on.

    Raises:
        UnknownTokenError: No signature has this token.
        CampaignError: The name was never stored, or *disclosure* does not exist.
    """
    signature = _open_locked(db, token, now=now, confirmation_days=confirmation_days)
    if disclosure not in DISCLOSURES:
        raise CampaignError("there is no such choice")
    if signature.disclosure == disclosure or signature.withdrawn_on:
        return signature
    if signature.disclosure == COUNTED:
        raise CampaignError("only the count was kept: to show a name, withdraw and sign again")
    set_disclosure(db, signature, disclosure)
    return signature


def set_disclosure(db: Session, signature: Signature, disclosure: str) -> None:
    """Change who may see the name of a signature that the caller's transaction has locked."""
    signature.disclosure = disclosure
    journal.record(db, journal.DISCLOSE, state=signature.state_code, id=signature.id, disclosure=disclosure)
    if disclosure != PUBLIC:
        signature.public_name = None
        signature.name_review = None
    if disclosure == COUNTED:
        digest = signature.digest
        signature.erase_personal_data()
        signature.digest = digest


def withdraw(db: Session, token: str, *, now: datetime, confirmation_days: int) -> Signature:
    """Erase what identifies the signatory and take the signature off the count.

    A second withdrawal changes nothing. A pending signature is erased without having counted.

    Raises:
        UnknownTokenError: No signature has this token.
    """
    signature = _open_locked(db, token, now=now, confirmation_days=confirmation_days)
    if signature.withdrawn_on is None:
        withdraw_locked(db, signature, now=now)
    return signature


def withdraw_locked(db: Session, signature: Signature, *, now: datetime) -> None:
    """Withdraw a signature that the caller's transaction has locked."""
    signature.withdrawn_on = now.date()
    journal.record(db, journal.WITHDRAW, state=signature.state_code, id=signature.id, on=now.date())
    signature.to_strike = True
    signature.erase_personal_data()
    if signature.confirmed_on and not signature.is_set_aside:
        count.add(db, signature.state_code, signature.residence, on=now.date(), withdrawn=1)


def _open_locked(db: Session, token: str, *, now: datetime, confirmation_days: int) -> Signature:
    signature = find_by_token(db, token, now=now, confirmation_days=confirmation_days)
    try:
        db.refresh(signature, with_for_update=True)
    except InvalidRequestError:
        # A sibling was confirmed meanwhile, and the link now leads to it.
        db.expunge(signature)
        signature = find_by_token(db, token, now=now, confirmation_days=confirmation_days)
        db.refresh(signature, with_for_update=True)
    return signature
