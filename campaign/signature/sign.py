"""Signing: one transaction that leaves a pending row and the mail that lets its owner confirm."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from campaign import seal
from campaign.campaign_key import sealing_key
from campaign.errors import ClosedError
from campaign.mail import outbox
from campaign.mail.mailbox_day import may_send
from campaign.seal import Details, ServerKeys
from campaign.signature.row import COUNTED, Signature, SignatureToken, settled

# Signing is what comes in floods, so its statements are made once, and its rows without objects.
_signatures, _tokens = Signature.__table__, SignatureToken.__table__
_KEEP = insert(_signatures)  # type: ignore[arg-type]
_KEEP_TOKEN = insert(_tokens)  # type: ignore[arg-type]
_EARLIER = select(_signatures.c.id).where(
    _signatures.c.state_code == bindparam("state_code"),
    _signatures.c.digest == bindparam("digest"),
    settled(),
)


@dataclass(frozen=True, kw_only=True)
class Signing:
    """What a supporter sends with the form, checked."""

    state_code: str
    details: Details
    residence: str
    disclosure: str
    language: str
    edition: int
    held_for: str | None = None
    """Why it shall not count before an organiser has looked at it; the answer is the same."""


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
    db.flush()  # the statements below see what is in the database alone
    email = signing.details.email
    digest = seal.address_digest(keys, signing.state_code, email)
    pending = _keep(db, signing, digest, now)
    earlier = db.connection().scalar(_EARLIER, {"state_code": signing.state_code, "digest": digest})
    token = _new_token(db, signing.state_code, earlier or pending)
    purpose = "already" if earlier else "confirm"
    outbox.put(
        db,
        keys,
        # Too many for today: the same work all the same, or time would tell that somebody was written to.
        purpose=purpose if may_write_to(db, keys, email, now) else outbox.DECOY,
        language=signing.language,
        recipient=email,
        params={"token": token},
        now=now,
    )


def new_token(db: Session, signature: Signature) -> str:
    """Return a new token for *signature*'s private page; the database keeps its hash alone."""
    return _new_token(db, signature.state_code, signature.id)


def may_write_to(db: Session, keys: ServerKeys, email: str, now: datetime) -> bool:
    """Count a mail to *email* today, and say whether there were not too many, whoever asked for them."""
    mailbox = seal.mailbox_digest(keys, now.date(), email)
    return may_send(db, mailbox, on=now.date())


def _new_token(db: Session, state_code: str, signature_id: UUID) -> str:
    token = seal.new_code()
    row = {"hash": seal.code_hash(token), "state_code": state_code, "signature_id": signature_id}
    db.connection().execute(_KEEP_TOKEN, row)
    return token


def _keep(db: Session, signing: Signing, digest: bytes, now: datetime) -> UUID:
    """Insert the pending row, and return its id."""
    key_id, public_key = sealing_key(db)
    row: dict[str, Any] = {
        "state_code": signing.state_code,
        "id": uuid4(),
        "edition": signing.edition,
        "language": signing.language,
        "residence": signing.residence,
        "disclosure": signing.disclosure,
        "signed_on": now.date(),
        "digest": digest,
        "held_for": signing.held_for,
    }
    if signing.disclosure != COUNTED:
        row |= {
            "key_id": key_id,
            "sealed": seal.seal(signing.details, public_key),
            "has_words": bool(signing.details.words),
        }
    db.connection().execute(_KEEP, row)
    kept: UUID = row["id"]
    return kept
