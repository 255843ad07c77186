"""What the owner of a private link may do: confirm, change who sees the name, withdraw."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.exc import IntegrityError, InvalidRequestError
from sqlalchemy.orm import Session

from campaign import seal, tally
from campaign.errors import CampaignError, ClosedError, UnknownTokenError
from campaign.signature.row import COUNTED, DISCLOSURES, PUBLIC, Signature, SignatureToken, settled


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
        .where(SignatureToken.hash == seal.code_hash(token))
    )
    if signature is None or _is_overdue(signature, now.date(), confirmation_days):
        raise UnknownTokenError("no signature has this link, or it was not confirmed in time")
    return signature


def confirm(
    db: Session,
    token: str,
    *,
    now: datetime,
    confirmation_days: int,
    closes_on: date | None = None,
) -> Signature:
    """Let the signature count, once per mailbox and letter, and drop its unconfirmed siblings.

    Confirming twice returns the confirmed signature. When another submission of the same
    mailbox counts already, that one is returned and this one dropped.

    Raises:
        UnknownTokenError: None has this token, or it was not confirmed in time.
        ClosedError: The campaign is over and this one was not confirmed.
    """
    signature = open_link(db, token, now=now, confirmation_days=confirmation_days)
    if signature.confirmed_on or signature.withdrawn_on:
        return signature
    if closes_on and now.date() > closes_on:
        raise ClosedError("the campaign has closed")
    same_mailbox = _same_mailbox(signature)
    family = _locked(db, same_mailbox)
    if all(each.id != signature.id for each in family):
        # A sibling was confirmed meanwhile and this one dropped; its link leads to the confirmed one now.
        db.expunge(signature)
        return open_link(db, token, now=now, confirmation_days=confirmation_days)
    if signature.confirmed_on or signature.withdrawn_on:
        return signature
    confirmed = next((each for each in family if each.is_settled), None)
    if confirmed is None:
        try:
            with db.begin_nested():
                signature.confirmed_on = now.date()
        except IntegrityError:
            db.refresh(signature)
            confirmed = db.scalars(select(Signature).where(same_mailbox, settled())).one()
    if confirmed is None:
        confirmed = signature
        if not confirmed.is_set_aside:
            tally.add(db, confirmed.state_code, confirmed.residence, on=now.date(), confirmed=1)
    _drop_siblings(db, confirmed, same_mailbox)
    return confirmed


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
    signature.forget()
    if signature.confirmed_on and not signature.is_set_aside:
        tally.add(db, signature.state_code, signature.residence, on=now.date(), withdrawn=1)


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


def _is_overdue(signature: Signature, today: date, confirmation_days: int) -> bool:
    return signature.confirmed_on is None and signature.signed_on + timedelta(days=confirmation_days) < today


def _same_mailbox(signature: Signature) -> ColumnElement[bool]:
    return and_(
        Signature.state_code == signature.state_code,
        Signature.digest == signature.digest,
        Signature.withdrawn_on.is_(None),
    )


def _locked(db: Session, same_mailbox: ColumnElement[bool]) -> Sequence[Signature]:
    # In one order, so that siblings confirmed at the same moment wait instead of deadlocking.
    query = select(Signature).where(same_mailbox).order_by(Signature.id).with_for_update()
    return db.scalars(query, execution_options={"populate_existing": True}).all()


def _drop_siblings(db: Session, confirmed: Signature, same_mailbox: ColumnElement[bool]) -> None:
    """Delete the pending siblings; links mailed for them lead to *confirmed* from now on."""
    siblings = list(db.scalars(select(Signature.id).where(same_mailbox, Signature.confirmed_on.is_(None))))
    if not siblings:
        return
    db.execute(
        update(SignatureToken)
        .where(SignatureToken.state_code == confirmed.state_code, SignatureToken.signature_id.in_(siblings))
        .values(signature_id=confirmed.id)
    )
    db.execute(
        delete(Signature).where(Signature.state_code == confirmed.state_code, Signature.id.in_(siblings))
    )
