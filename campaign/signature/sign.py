"""Signing: one transaction that leaves a pending row and the mail that lets its owner confirm."""

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
from campaign.sealing.address_digest import address_digest, mailbox_digest
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import sealing_key
from campaign.sealing.code import code_hash, new_code
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import COUNTED, Key, Mailbox, Signature, SignatureToken
from campaign.signature.select import is_confirmed

# Signing is what comes in floods, so its statements are made once, and its rows without objects.
_signatures, _tokens = Signature.__table__, SignatureToken.__table__
_KEEP = insert(_signatures)  # type: ignore[arg-type]
_KEEP_TOKENS = insert(_tokens)  # type: ignore[arg-type]


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
    proof: Proof | None = None
    """Of having taken a moment, to be used up with this signature."""


def sign(
    db: Session, signing: Signing, *, keys: ServerKeys, now: datetime, closes_on: date | None = None
) -> None:
    """Keep a pending signature, and put the mail in the outbox that asks to confirm it.

    A repeated signature does the same work and leaves the same rows as a first one; only the
    mail differs, and only the mailbox's owner reads it.

    Raises:
        ClosedError: The campaign is over.
        NoKeyError: There is no key to seal to.
        ProofError: The proof was used before.
    """
    sign_all(db, [signing], keys=keys, now=now, closes_on=closes_on)


def sign_all(
    db: Session,
    signings: Sequence[Signing],
    *,
    keys: ServerKeys,
    now: datetime,
    closes_on: date | None = None,
) -> None:
    """Do what :func:`sign` does for many at once, with one statement for each table.

    Raises the same, of whichever it is true; then the caller keeps none.
    """
    if closes_on and now.date() > closes_on:
        raise ClosedError("the campaign has closed")
    db.flush()  # the statements below see what is in the database alone
    # In one order, so that two transactions with the same proofs wait instead of deadlocking.
    for used in sorted(each.proof for each in signings if each.proof is not None):
        proof_of_work.spend(db, used)
    # Of earlier signatures the rows are locked, by the tokens that point to them, in the order of confirming.
    by_mailbox = sorted(((_mailbox(keys, each), each) for each in signings), key=itemgetter(0))
    mailboxes, signings = [mailbox for mailbox, _ in by_mailbox], [signing for _, signing in by_mailbox]
    earlier = _earlier(db, mailboxes)
    pending = _keep(db, signings, mailboxes, now)
    of = [
        (state_code, earlier.get(mailbox, signature_id))
        for (state_code, signature_id), mailbox in zip(pending, mailboxes, strict=True)
    ]
    tokens = _new_tokens(db, of)
    may_write = may_write_to_all(db, keys, [signing.details.email for signing in signings], now)
    outbox.add_all(
        db,
        keys,
        [
            _mail(signing, token, may_write=may, is_repeated=mailbox in earlier)
            for signing, token, may, mailbox in zip(signings, tokens, may_write, mailboxes, strict=True)
        ],
        now=now,
    )


def new_token(db: Session, signature: Signature) -> str:
    """Return a new token for *signature*'s private page; the database keeps its hash alone."""
    return _new_tokens(db, [(signature.state_code, signature.id)])[0]


def may_write_to(db: Session, keys: ServerKeys, email: str, now: datetime) -> bool:
    """Count a mail to *email* today, and say whether there were not too many, whoever asked for them."""
    return may_write_to_all(db, keys, [email], now)[0]


def may_write_to_all(db: Session, keys: ServerKeys, emails: Sequence[str], now: datetime) -> list[bool]:
    """Do the same for many mails."""
    today = now.date()
    return reserve_mails(db, [mailbox_digest(keys, today, email) for email in emails], on=today)


def _mailbox(keys: ServerKeys, signing: Signing) -> Mailbox:
    return Mailbox(signing.state_code, address_digest(keys, signing.state_code, signing.details.email))


def _earlier(db: Session, mailboxes: Sequence[Mailbox]) -> dict[Mailbox, UUID]:
    """Return the signatures that hold these mailboxes' places already."""
    wanted = {f"{part}_{at}": each[part] for at, each in enumerate(mailboxes) for part in (0, 1)}
    found = db.connection().execute(_select_earlier(len(mailboxes)), wanted)
    return {Mailbox(state_code, digest): signature_id for state_code, digest, signature_id in found}


@cache
def _select_earlier(number: int) -> CompoundSelect[Any]:
    """Return a look into the index for each of *number* mailboxes; given lists, SQLite reads all of it."""
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


def _keep(db: Session, signings: Sequence[Signing], mailboxes: Sequence[Mailbox], now: datetime) -> list[Key]:
    """Insert the pending rows, and return their keys."""
    key_id, public_key = sealing_key(db)
    rows: list[dict[str, Any]] = []
    for signing, (_state, digest) in zip(signings, mailboxes, strict=True):
        is_sealed = signing.disclosure != COUNTED
        rows.append(
            {
                "state_code": signing.state_code,
                "id": uuid4(),
                "edition": signing.edition,
                "language": signing.language,
                "residence": signing.residence,
                "disclosure": signing.disclosure,
                "signed_on": now.date(),
                "digest": digest,
                "held_for": signing.held_for,
                "key_id": key_id if is_sealed else None,
                "sealed": box.seal(signing.details, public_key) if is_sealed else None,
                "has_words": is_sealed and bool(signing.details.words),
            }
        )
    db.connection().execute(_KEEP, rows)
    return [(row["state_code"], row["id"]) for row in rows]


def _new_tokens(db: Session, of: Sequence[Key]) -> list[str]:
    tokens = [new_code() for _ in of]
    rows = [
        {"hash": code_hash(token), "state_code": state_code, "signature_id": signature_id}
        for token, (state_code, signature_id) in zip(tokens, of, strict=True)
    ]
    db.connection().execute(_KEEP_TOKENS, rows)
    return tokens


def _mail(signing: Signing, token: str, *, may_write: bool, is_repeated: bool) -> NewMail:
    purpose = "already" if is_repeated else "confirm"
    # Too many for today: the same work all the same, or time would tell that somebody was written to.
    purpose = purpose if may_write else outbox.DECOY
    return NewMail(purpose, signing.language, signing.details.email, {"token": token})
