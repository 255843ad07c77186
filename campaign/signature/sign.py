"""Signing: one transaction that leaves a pending row and the mail that lets its owner confirm."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign import seal
from campaign.campaign_key import current_key
from campaign.errors import ClosedError
from campaign.mail import outbox
from campaign.seal import Details, ServerKeys
from campaign.signature.row import COUNTED, Signature, SignatureToken, standing


@dataclass(frozen=True, kw_only=True)
class Signing:
    """What a supporter sends with the form, checked."""

    state_code: str
    details: Details
    residence: str
    disclosure: str
    language: str
    edition: int


def sign(
    db: Session, signing: Signing, *, keys: ServerKeys, now: datetime, closes_on: date | None = None
) -> None:
    """Keep a pending signature, and put the mail in the outbox that asks to confirm it.

    A repeated signature does the same work and leaves the same rows as a first one; only the
    mail differs, and only the mailbox's owner reads it.

    Raises:
        ClosedError: The campaign is over.
        NoKeyError: There is no key to seal to.
    """
    if closes_on and now.date() > closes_on:
        raise ClosedError("the campaign has closed")
    email = signing.details.email
    digest = seal.address_digest(keys, signing.state_code, email)
    pending = _pending(db, signing, digest, now)
    db.add(pending)
    db.flush()
    earlier = db.scalar(
        select(Signature).where(
            Signature.state_code == signing.state_code, Signature.digest == digest, standing()
        )
    )
    token = new_token(db, earlier or pending)
    if may_write_to(db, keys, email, now):
        outbox.put(
            db,
            keys,
            purpose="already" if earlier else "confirm",
            language=signing.language,
            recipient=email,
            params={"token": token},
            now=now,
        )


def new_token(db: Session, signature: Signature) -> str:
    """Return a new token for *signature*'s private page; the database keeps its hash alone."""
    token = seal.new_code()
    db.add(
        SignatureToken(hash=seal.code_hash(token), state_code=signature.state_code, signature_id=signature.id)
    )
    return token


def may_write_to(db: Session, keys: ServerKeys, email: str, now: datetime) -> bool:
    """Count a mail to *email* today, and say whether there were not too many, whoever asked for them."""
    mailbox = seal.mailbox_digest(keys, now.date(), email)
    return outbox.may_send(db, mailbox, on=now.date())


def _pending(db: Session, signing: Signing, digest: bytes, now: datetime) -> Signature:
    pending = Signature(
        state_code=signing.state_code,
        edition=signing.edition,
        language=signing.language,
        residence=signing.residence,
        disclosure=signing.disclosure,
        signed_on=now.date(),
        digest=digest,
    )
    key = current_key(db)
    if signing.disclosure != COUNTED:
        pending.key_id = key.id
        pending.sealed = seal.seal(signing.details, key.public_key)
        pending.has_words = bool(signing.details.words)
    return pending
