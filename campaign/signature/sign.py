"""Sign: store pending signatures, and the mails that ask to confirm them, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CompoundSelect, bindparam, insert, select, union_all
from sqlalchemy.orm import Session

from campaign.errors import ClosedError
from campaign.guard import proof_of_work
from campaign.guard.proof_of_work import Proof
from campaign.mail import outbox
from campaign.mail.daily_limit import reserve_mails
from campaign.mail.sealed_content import NewMail
from campaign.sealing import box
from campaign.sealing.address_digest import AddressDigests
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import sealing_key
from campaign.sealing.code import code_hash, new_code
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import (
    COUNTED,
    Mailbox,
    Signature,
    SignatureKey,
    SignatureToken,
    box_context,
)
from campaign.signature.select import is_confirmed

# Many signatures may come at once, so statements are built once, and rows are no ORM objects.
_signatures, _tokens = Signature.__table__, SignatureToken.__table__
_INSERT_SIGNATURES = insert(_signatures)  # type: ignore[arg-type]
_INSERT_TOKENS = insert(_tokens)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Signing:
    """One valid submission of the form."""

    state_code: str
    details: Details
    digests: AddressDigests
    """Of the address in *details*: made before the transaction, since hashing is slow on purpose."""
    residence: str
    disclosure: str
    language: str
    edition: int
    organisers_only: bool = False
    """Whether the form promised that the delegation gets no names."""
    held_for: str | None = None
    """Why it does not count before an organiser's review; the answer to the supporter is the same."""
    proof: Proof | None = None
    """The proof of work to spend with this signature."""


def sign(
    db: Session,
    signings: Sequence[Signing],
    *,
    keys: ServerKeys,
    now: datetime,
    closes_on: date | None = None,
) -> None:
    """Insert pending signatures, and the mails that ask to confirm them, with one statement per table.

    A repeated signature does the same work, leaves the same rows and sends the same mail as a first one.

    Raises:
        ClosedError: The campaign is over.
        NoKeyError: There is no key to seal to.
        ProofError: A proof was used before.
    """
    if closes_on and now.date() > closes_on:
        raise ClosedError("the campaign has closed")
    db.flush()  # the statements below bypass the ORM
    # Sorted, so that two transactions with the same proofs wait for each other instead of deadlocking.
    for proof in sorted(each.proof for each in signings if each.proof is not None):
        proof_of_work.spend(db, proof)
    # Inserting tokens locks the rows of earlier signatures: in the same order as confirming does.
    by_mailbox = sorted(((_mailbox(each), each) for each in signings), key=itemgetter(0))
    mailboxes, signings = [mailbox for mailbox, _ in by_mailbox], [signing for _, signing in by_mailbox]
    confirmed = _confirmed_by_mailbox(db, mailboxes)
    pending = _insert_pending(db, signings, mailboxes, now)
    targets = [
        (state_code, confirmed.get(mailbox, signature_id))
        for (state_code, signature_id), mailbox in zip(pending, mailboxes, strict=True)
    ]
    tokens = _new_tokens(db, targets)
    reserved = reserve_mails_to(db, [signing.digests for signing in signings], now)
    mails = [
        _mail(signing, token, is_within_limit=is_within_limit)
        for signing, token, is_within_limit in zip(signings, tokens, reserved, strict=True)
    ]
    outbox.add_all(db, keys, mails, now=now)


def new_token(db: Session, signature: Signature) -> str:
    """Return a new token for *signature*'s private page; the database stores only its hash."""
    return _new_tokens(db, [(signature.state_code, signature.id)])[0]


def reserve_mails_to(db: Session, mailboxes: Sequence[AddressDigests], now: datetime) -> list[bool]:
    """Count one more mail to each of *mailboxes* today; return whether each is within the limit."""
    today = now.date()
    return reserve_mails(db, [mailbox.for_day(today) for mailbox in mailboxes], on=today)


def _mailbox(signing: Signing) -> Mailbox:
    return Mailbox(signing.state_code, signing.digests.for_letter(signing.state_code))


def _confirmed_by_mailbox(db: Session, mailboxes: Sequence[Mailbox]) -> dict[Mailbox, UUID]:
    """Return the confirmed signatures of these mailboxes."""
    wanted = {f"{part}_{at}": each[part] for at, each in enumerate(mailboxes) for part in (0, 1)}
    rows = db.connection().execute(_select_confirmed(len(mailboxes)), wanted)
    return {Mailbox(state_code, digest): signature_id for state_code, digest, signature_id in rows}


@cache
def _select_confirmed(number: int) -> CompoundSelect[Any]:
    """Return a query with one index look-up per mailbox; given a list, SQLite would read all of it."""
    columns = _signatures.c
    return union_all(
        *(
            select(columns.state_code, columns.digest, columns.id).where(
                columns.state_code == bindparam(f"0_{at}"),
                columns.digest == bindparam(f"1_{at}"),
                is_confirmed(),
            )
            for at in range(number)
        )
    )


def _insert_pending(
    db: Session, signings: Sequence[Signing], mailboxes: Sequence[Mailbox], now: datetime
) -> list[SignatureKey]:
    """Insert the pending signatures and return their keys."""
    key_id, public_key = sealing_key(db)
    rows: list[dict[str, Any]] = []
    for signing, (_state, digest) in zip(signings, mailboxes, strict=True):
        is_sealed, signature_id = signing.disclosure != COUNTED, uuid4()
        bound = signing.residence, now.date(), signing.edition, signing.organisers_only
        context = box_context(signing.state_code, signature_id, *bound)
        rows.append(
            {
                "state_code": signing.state_code,
                "id": signature_id,
                "edition": signing.edition,
                "language": signing.language,
                "residence": signing.residence,
                "disclosure": signing.disclosure,
                "signed_on": now.date(),
                "digest": digest,
                "held_for": signing.held_for,
                "organisers_only": signing.organisers_only,
                "key_id": key_id if is_sealed else None,
                "sealed": box.seal(signing.details, public_key, context) if is_sealed else None,
                "has_words": is_sealed and bool(signing.details.words),
            }
        )
    db.connection().execute(_INSERT_SIGNATURES, rows)
    return [(row["state_code"], row["id"]) for row in rows]


def _new_tokens(db: Session, signatures: Sequence[SignatureKey]) -> list[str]:
    tokens = [new_code() for _ in signatures]
    rows = [
        {"hash": code_hash(token), "state_code": state_code, "signature_id": signature_id}
        for token, (state_code, signature_id) in zip(tokens, signatures, strict=True)
    ]
    db.connection().execute(_INSERT_TOKENS, rows)
    return tokens


def _mail(signing: Signing, token: str, *, is_within_limit: bool) -> NewMail:
    # Beyond the daily limit the same work is done, or its time would reveal how many mails were sent.
    purpose = "confirm" if is_within_limit else outbox.DECOY
    return NewMail(purpose, signing.language, signing.details.email, {"token": token})
