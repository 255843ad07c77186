"""Withdraw a signature, or change who may see its name, by its private link."""

from datetime import date, datetime

from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.errors import CampaignError, ChangedError
from campaign.signature import count
from campaign.signature.link import find_shown, linked
from campaign.signature.model import COUNTED, DISCLOSURES, PUBLIC, Signature
from campaign.signature.shown import Shown
from campaign.signature.signature_mac import deciding


def disclose(
    db: Session,
    token: str,
    disclosure: str,
    *,
    now: datetime,
    confirmation_days: int,
    page: Shown | None = None,
) -> Signature:
    """Change who may see the name from now on.

    Raises:
        UnknownTokenError: No signature has this token.
        ChangedError: It is not as the *page* showed it, or is not confirmed.
        CampaignError: The name was never stored, or *disclosure* does not exist.
    """
    signature = _open_locked(db, token, page, now=now, confirmation_days=confirmation_days)
    if (page and not page.is_current(signature)) or not signature.confirmed_on:
        raise ChangedError("the page showed something else")
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
    journal.record(db, journal.DISCLOSE, state=signature.state_code, id=signature.id, disclosure=disclosure)
    with deciding(db, signature):
        signature.disclosure = disclosure
        if disclosure != PUBLIC:
            signature.public_name = None
            signature.name_review = None
        if disclosure == COUNTED:
            digest = signature.digest, signature.digest_mac
            signature.erase_personal_data()
            signature.digest, signature.digest_mac = digest


def withdraw(
    db: Session, token: str, *, now: datetime, confirmation_days: int, page: Shown | None = None
) -> Signature:
    """Erase what identifies the signatory and take the signature off the count.

    A second withdrawal changes nothing. A pending signature is erased without having counted.

    Args:
        db: The session.
        token: Of a link that opens the signature.
        now: The time.
        confirmation_days: Days in which a signature can be confirmed.
        page: What the page with the button showed; ``None`` for the only signature that the link opens.

    Raises:
        UnknownTokenError: No signature has this token.
        ChangedError: It is not as the *page* showed it, or was withdrawn and another one of the link counts,
            which the page did not show.
    """
    signature = _open_locked(db, token, page, now=now, confirmation_days=confirmation_days)
    if signature.withdrawn_on is None:
        if page and not page.is_current(signature):
            raise ChangedError("the page showed something else")
        withdraw_locked(db, signature, now=now)
    elif any(
        each.signature.state_code == signature.state_code and _counts_unshown(each.signature, page)
        for each in linked(db, token, now=now, confirmation_days=confirmation_days)
    ):
        raise ChangedError("another signature counts in its place")
    return signature


def withdraw_locked(db: Session, signature: Signature, *, now: datetime) -> None:
    """Withdraw a signature that the caller's transaction has locked."""
    is_counting = signature.confirmed_on is not None and not signature.is_set_aside
    erase_withdrawn(signature, now.date())
    journal.record(db, journal.WITHDRAW, state=signature.state_code, id=signature.id, on=now.date())
    if is_counting:
        count.add(db, signature.state_code, signature.residence, on=now.date(), withdrawn=1)


def erase_withdrawn(signature: Signature, today: date) -> None:
    """Mark a locked signature as withdrawn and erase what identifies the signatory, but leave the count."""
    signature.withdrawn_on = today
    signature.to_strike = True
    signature.erase_personal_data()


def _counts_unshown(other: Signature, page: Shown | None) -> bool:
    return other.is_confirmed and (page is None or other.id.hex != page.counting)


def _open_locked(
    db: Session, token: str, page: Shown | None, *, now: datetime, confirmation_days: int
) -> Signature:
    signature = find_shown(db, token, page, now=now, confirmation_days=confirmation_days)
    try:
        db.refresh(signature, with_for_update=True)
    except InvalidRequestError as error:
        db.expunge(signature)
        raise ChangedError("another signature of the mailbox was confirmed meanwhile") from error
    return signature
