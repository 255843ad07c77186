"""Sign: store pending signatures, and the mails that ask to confirm them, in one transaction.

One form may sign several letters. They share what was typed, one mail and its link, and the hash of the
address; otherwise each is a signature like any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import insert
from sqlalchemy.orm import Session

from campaign.errors import ClosedError
from campaign.guard import proof_of_work
from campaign.guard.mail_domain import PUBLIC, owned_domain
from campaign.guard.proof_of_work import Proof
from campaign.mail import outbox
from campaign.mail.daily_limit import MailRequest, Reserved, reserve_mails
from campaign.mail.random_wait import Wait, no_wait
from campaign.mail.retry import LIFETIME
from campaign.mail.sealed_content import NewMail
from campaign.mail.signatory_mail import CONFIRM
from campaign.sealing import box, row_mac
from campaign.sealing.address import canonical_address, domain_of
from campaign.sealing.address_digest import AddressDigests, domain_digest
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import sealing_key
from campaign.sealing.code import code_hash, new_code
from campaign.sealing.server_key import ServerKeys
from campaign.signature import submission
from campaign.signature.deadline import confirm_until
from campaign.signature.model import (
    COUNTED,
    Signature,
    SignatureToken,
    context_of_columns,
)
from campaign.signature.signature_mac import new_macs
from campaign.signature.submission import Submission
from campaign.signature.token_mac import token_row

# Many signatures may come at once, so statements are built once, and rows are no ORM objects.
_INSERT_SIGNATURES = insert(Signature.__table__)  # type: ignore[arg-type]
_INSERT_TOKENS = insert(SignatureToken.__table__)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Signing:
    """One valid submission of the form: a signature for each of its letters, and one mail about all."""

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
    also: Mapping[str, bool] = field(default_factory=dict)
    """Further letters that are signed with the same details: by another State's code, whether its
    delegation gets no names."""
    held_for: str | None = None
    """Why it does not count before an organiser's review; the answer to the supporter is the same."""
    proof: Proof | None = None
    """The proof of work to spend with this signature."""
    is_unlimited: bool = False
    """Whether it is never held for the number of signatures under its mail domain."""
    names_cause: bool = False
    """Whether the mail may say what it is about; see :func:`campaign.mail.cause.may_be_named`."""
    is_first: bool = False
    """Whether it is among the first of its network under its mail domain: their mails wait briefly."""

    @property
    def letters(self) -> dict[str, bool]:
        """All letters, each with whether its delegation gets no names."""
        return {self.state_code: self.organisers_only, **self.also}


def sign(
    db: Session,
    signings: Sequence[Signing],
    *,
    keys: ServerKeys,
    now: datetime,
    confirmation_days: int,
    closes_on: date | None = None,
    wait: Wait = no_wait,
) -> None:
    """Insert pending signatures, and the mails that ask to confirm them, with one statement per table.

    A repeated signature does the same work, leaves the same rows and sends the same mail as a first one.
    Beyond the daily limit of mails the link in the day's last mail leads to the signature, if its address
    has no tag; one with a tag can then be confirmed on the next day only, by signing again.

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
    reserved = _reserve_mails(db, keys, signings, now)
    _insert_pending(db, keys, signings, reserved, now)
    until = confirm_until(now.date(), confirmation_days)
    mails = [_mail(signing, mail, until) for signing, mail in zip(signings, reserved, strict=True)]
    outbox.add_all(db, keys, mails, now=now, wait=wait)


class _ReservedMail(NamedTuple):
    """The mail about one submission, sent or beyond the limit."""

    token: str
    """Opens the private page, unless the mail is beyond the limit; then nobody gets it."""
    domain: bytes | None
    reserved: Reserved


def _reserve_mails(
    db: Session, keys: ServerKeys, signings: Sequence[Signing], now: datetime
) -> list[_ReservedMail]:
    today = now.date()
    tokens = [new_code() for _ in signings]
    requests = [
        MailRequest(
            signing.digests.for_day(today),
            code_hash(token),
            _domain(keys, today, signing),
            is_first=signing.is_first,
            is_plain=signing.digests.is_plain,
        )
        for signing, token in zip(signings, tokens, strict=True)
    ]
    reserved = reserve_mails(db, requests, on=today)
    return [
        _ReservedMail(token, request.domain, each)
        for token, request, each in zip(tokens, requests, reserved, strict=True)
    ]


def _domain(keys: ServerKeys, today: date, signing: Signing) -> bytes | None:
    # Not below a provider's domain: there one person has any number of addresses.
    domain = domain_of(canonical_address(signing.details.email))
    return None if domain in PUBLIC else domain_digest(keys, today, owned_domain(domain))


def _insert_pending(
    db: Session,
    keys: ServerKeys,
    signings: Sequence[Signing],
    reserved: Sequence[_ReservedMail],
    now: datetime,
) -> None:
    """Insert the pending signatures, and for each the token of its mail: one for all letters of a form."""
    key = sealing_key(db)
    rows: list[dict[str, Any]] = []
    tokens: list[dict[str, Any]] = []
    for signing, mail in zip(signings, reserved, strict=True):
        for state_code, organisers_only in signing.letters.items():
            row = _pending(db, signing, state_code, organisers_only, now.date())
            rows.append(_seal(row, signing, mail, key, keys, now))
            tokens.append(token_row(db, mail.reserved.link, state_code, row["id"]))
    db.connection().execute(_INSERT_SIGNATURES, rows)
    db.connection().execute(_INSERT_TOKENS, tokens)


def _pending(
    db: Session, signing: Signing, state_code: str, organisers_only: bool, today: date
) -> dict[str, Any]:
    row = {
        "state_code": state_code,
        "id": uuid4(),
        "edition": signing.edition,
        "language": signing.language,
        "residence": signing.residence,
        "disclosure": signing.disclosure,
        "signed_on": today,
        "digest": signing.digests.for_letter(state_code),
        "held_for": signing.held_for,
        "organisers_only": organisers_only,
    }
    return row | new_macs(db.info[row_mac.KEY], row)


def _seal(
    row: dict[str, Any],
    signing: Signing,
    mail: _ReservedMail,
    key: tuple[UUID, bytes],
    keys: ServerKeys,
    now: datetime,
) -> dict[str, Any]:
    """Return *row* with its box, and with the copy and the time for its private page."""
    context = context_of_columns(row)
    if signing.disclosure == COUNTED:
        row |= {"key_id": None, "sealed": None, "has_words": False}
    else:
        key_id, public_key = key
        sealed = box.seal(signing.details, public_key, context)
        row |= {"key_id": key_id, "sealed": sealed, "has_words": bool(signing.details.words)}
    row["submission"] = _wrap_submission(keys, signing, mail, submission.context(context, signing.disclosure))
    row["submitted_at"] = submission.wrap_time(now, keys, context)
    return row


def _wrap_submission(keys: ServerKeys, signing: Signing, mail: _ReservedMail, context: str) -> bytes:
    # Of who is only counted nothing is kept, not even until it is confirmed.
    details = signing.details if signing.disclosure != COUNTED else Details()
    typed = Submission(
        name=details.name,
        town=details.town,
        words=details.words,
        domain=mail.domain.hex() if mail.domain else "",
        is_unlimited=signing.is_unlimited,
    )
    key = keys.pending if mail.reserved.is_collected else submission.mailed_key(mail.token, keys)
    return submission.wrap(typed, key, context)


def _mail(signing: Signing, mail: _ReservedMail, until: date) -> NewMail:
    # Beyond the daily limit the same work is done, or its time would reveal how many mails were sent.
    is_sent = mail.reserved.is_within_limit and mail.reserved.delay < LIFETIME
    purpose, delay = (CONFIRM, mail.reserved.delay) if is_sent else (outbox.DECOY, timedelta())
    params = {
        "token": mail.token,
        "letters": list(signing.letters),
        "until": until.isoformat(),
        "is_last": mail.reserved.is_last,
        "names_cause": signing.names_cause,
    }
    return NewMail(purpose, signing.language, signing.details.email, params, delay)
