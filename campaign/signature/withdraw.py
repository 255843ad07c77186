"""Withdraw signatures, or change who may see their names, by their private link.

A page may show several letters, and its button then acts on all that were chosen, or on none of them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.errors import CampaignError, ChangedError
from campaign.signature import count
from campaign.signature.count import CountKey
from campaign.signature.link import find_shown, linked, siblings
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
    pages: Sequence[Shown] = (),
) -> list[Signature]:
    """Change who may see the name from now on.

    Args:
        db: The session.
        token: Of a link that opens the signatures.
        disclosure: Who may see the name.
        now: The time.
        confirmation_days: Days in which a signature can be confirmed.
        pages: What the page showed of each letter; empty for the only signature that the link opens.

    Raises:
        UnknownTokenError: No signature has this token.
        ChangedError: One is not as the page showed it, or is not confirmed.
        CampaignError: A name was never stored, or *disclosure* does not exist.
    """
    found = _open_locked(db, token, pages, now=now, confirmation_days=confirmation_days)
    if not all(signature.confirmed_on for signature in found) or not _are_as_shown(db, found, pages):
        raise ChangedError("the page showed something else")
    if disclosure not in DISCLOSURES:
        raise CampaignError("there is no such choice")
    for signature in found:
        if signature.disclosure == disclosure or signature.withdrawn_on:
            continue
        if signature.disclosure == COUNTED:
            raise CampaignError("only the count was kept: to show a name, withdraw and sign again")
        set_disclosure(db, signature, disclosure)
    return found


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
    db: Session, token: str, *, now: datetime, confirmation_days: int, pages: Sequence[Shown] = ()
) -> list[Signature]:
    """Erase what identifies the signatory and take the signatures off the count.

    A second withdrawal changes nothing. A pending signature is erased without having counted.

    Args:
        db: The session.
        token: Of a link that opens the signatures.
        now: The time.
        confirmation_days: Days in which a signature can be confirmed.
        pages: What the page showed of each letter; empty for the only signature that the link opens.

    Raises:
        UnknownTokenError: No signature has this token.
        ChangedError: One is not as the page showed it, or was withdrawn and another one of the link counts,
            which the page did not show.
    """
    found = _open_locked(db, token, pages, now=now, confirmation_days=confirmation_days)
    standing = [signature for signature in found if signature.withdrawn_on is None]
    if not _are_as_shown(db, standing, pages):
        raise ChangedError("the page showed something else")
    withdrawn = {signature.state_code for signature in found} - {each.state_code for each in standing}
    counting = {page.counting for page in pages}
    if withdrawn and any(
        each.signature.is_confirmed
        and each.signature.state_code in withdrawn
        and each.signature.id.hex not in counting
        for each in linked(db, token, now=now, confirmation_days=confirmation_days)
    ):
        raise ChangedError("another signature counts in its place")
    withdraw_locked(db, standing, now=now)
    return found


def withdraw_locked(db: Session, signatures: Iterable[Signature], *, now: datetime) -> None:
    """Withdraw signatures that the caller's transaction has locked."""
    withdrawn: Counter[CountKey] = Counter()
    for signature in signatures:
        if signature.confirmed_on is not None and not signature.is_set_aside:
            withdrawn[signature.state_code, signature.residence, now.date()] += 1
        erase_withdrawn(signature, now.date())
        journal.record(db, journal.WITHDRAW, state=signature.state_code, id=signature.id, on=now.date())
    count.add_all(db, {key: (0, number) for key, number in withdrawn.items()})


def erase_withdrawn(signature: Signature, today: date) -> None:
    """Mark a locked signature as withdrawn and erase what identifies the signatory, but leave the count."""
    signature.withdrawn_on = today
    signature.to_strike = True
    signature.erase_personal_data()


def _are_as_shown(db: Session, signatures: Iterable[Signature], pages: Sequence[Shown]) -> bool:
    """Whether *pages* showed *signatures* as they are, and which ones of the mailbox counted beside them."""
    return not pages or all(
        Shown.of(each, counting=_counting_beside(db, each)) in pages for each in signatures
    )


def _counting_beside(db: Session, signature: Signature) -> Signature | None:
    """Return the confirmed signature of the mailbox of a pending one."""
    if signature.confirmed_on is not None:
        return None
    return next((row for row in siblings(db, signature) if row.is_confirmed), None)


def _open_locked(
    db: Session, token: str, pages: Sequence[Shown], *, now: datetime, confirmation_days: int
) -> list[Signature]:
    found = find_shown(db, token, pages, now=now, confirmation_days=confirmation_days)
    for signature in found:
        try:
            db.refresh(signature, with_for_update=True)
        except InvalidRequestError as error:
            db.expunge(signature)
            raise ChangedError("another signature of the mailbox was confirmed meanwhile") from error
    return found
