"""Rows with everything in place; a test names only what matters to it. All names are made up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from campaign.delivery.model import ACCEPTED, Delivery, DeliveryRow
from campaign.errors import CampaignError
from campaign.organiser.account import Unlocked
from campaign.organiser.invitation import invite, join
from campaign.organiser.role import ORGANISER
from campaign.sealing import box, link_wrapping, row_mac
from campaign.sealing.address_digest import AddressDigests
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import current_key
from campaign.sealing.code import new_code
from campaign.sealing.server_key import ServerKeys
from campaign.signature import count as tally
from campaign.signature import submission
from campaign.signature.confirm import Confirmation, confirm
from campaign.signature.link import linked, open_all
from campaign.signature.model import COUNTED, Signature
from campaign.signature.signature_mac import decided_mac, digest_mac
from campaign.signature.submission import Submission
from tests.conftest import NOW

TODAY = NOW.date()

PASSPHRASE = "wombat lantern orbit thistle"
"""The shortest that is strong enough: with three more words, zxcvbn takes four times as long."""

_numbers = count(1)


@dataclass
class Made:
    """A signature, and the token of one of its mails."""

    row: Signature
    token: str
    email: str


def make_signature(
    db: Session,
    keys: ServerKeys,
    *,
    state: str = "de",
    name: str = "Mara Example",
    email: str = "",
    town: str = "",
    words: str = "",
    residence: str = "FR",
    disclosure: str = "delegation",
    confirmed: bool = True,
    on: date = TODAY,
    edition: int = 1,
    language: str = "en",
    organisers_only: bool = False,
) -> Made:
    """Add a signature as signing and confirming would have left it."""
    email = email or f"mara{next(_numbers)}@example.org"
    key = current_key(db)
    is_sealed = disclosure != COUNTED
    row = Signature(
        id=uuid4(),
        state_code=state,
        edition=edition,
        language=language,
        residence=residence,
        disclosure=disclosure,
        signed_on=on,
        confirmed_on=on if confirmed else None,
        digest=address_digest(keys, state, email),
        key_id=key.id if is_sealed else None,
        organisers_only=organisers_only,
        has_words=bool(words) and is_sealed,
    )
    assert row.digest is not None
    row.digest_mac = digest_mac(db.info[row_mac.KEY], state, row.id, row.digest)
    decide(db, row)
    if is_sealed:
        details = Details(name=name, email=email, town=town, words=words)
        row.sealed = box.seal(details, key.public_key, row.context)
    db.add(row)
    db.flush()
    if confirmed:
        tally.add(db, state, residence, on=on, confirmed=1)
    token = new_code()
    open_all(db, token, [row])
    if not confirmed:
        typed = Submission(name=name, town=town, words=words) if is_sealed else Submission()
        row.submission = submission.wrap(
            typed, submission.mailed_key(token, keys), submission.context(row.context, disclosure)
        )
        row.submitted_at = submission.wrap_time(NOW, keys, row.context)
    db.commit()
    return Made(row, token, email)


def decide(db: Session, row: Signature, **decisions: Any) -> None:
    """Set *decisions* about a signature as the site would have."""
    for column, value in decisions.items():
        setattr(row, column, value)
    row.decision_mac = decided_mac(db.info[row_mac.KEY], row)


def address_digest(keys: ServerKeys, state: str, address: str) -> bytes:
    """Return the digest of a mailbox for the signatures of one letter."""
    return AddressDigests.of(keys, address).for_letter(state)


def confirm_one(
    db: Session, keys: ServerKeys, token: str, *, confirmation_days: int = 7, now: datetime = NOW
) -> Signature:
    """Confirm one signature, and return the row that counts or raise the error."""
    [outcome] = confirm(db, [Confirmation(token)], keys=keys, now=now, confirmation_days=confirmation_days)
    if isinstance(outcome, CampaignError):
        raise outcome
    [key] = outcome
    return db.get_one(Signature, key, populate_existing=True)


def find_by_token(db: Session, token: str, *, confirmation_days: int = 7, now: datetime = NOW) -> Signature:
    """Return the signature that a link opens, the confirmed one first."""
    found = linked(db, token, now=now, confirmation_days=confirmation_days)
    return max((each.signature for each in found), key=lambda signature: signature.is_confirmed)


def make_owner(
    db: Session, *, name: str = "Olga Organiser", passphrase: str = PASSPHRASE, now: datetime = NOW
) -> Unlocked:
    """Make the first organiser, as the setup link does."""
    code = link_wrapping.make_provisional(db, now=now)
    owner = join(db, code, passphrase, name=name, now=now)
    db.commit()
    return owner


def make_organiser(
    db: Session, owner: Unlocked, *, name: str = "Pavel", role: str = ORGANISER, now: datetime = NOW
) -> Unlocked:
    """Make another account, as an invitation does."""
    code = invite(db, owner, name, role, now=now)
    joined = join(db, code, PASSPHRASE, now=now)
    db.commit()
    return joined


def make_delivery(db: Session, rows: Sequence[Signature], **changes: Any) -> Delivery:
    """Make a delivery to Germany's delegation that was accepted, with *rows* on its list, numbered from 1."""
    delivery = Delivery(
        **{
            "id": uuid4(),
            "code": new_code(),
            "state_code": "de",
            "status": ACCEPTED,
            "edition": 1,
            "language": "en",
            "recipient": "de@missions.example.org",
            "total": len(rows),
            "named": len(rows),
            "letter_hash": b"\1" * 32,
            "list_hash": b"\2" * 32,
            "organiser": "Olga Organiser",
            "message_id": "<1@letters.example>",
            "prepared_at": NOW,
            "sending_at": NOW,
            "settled_at": NOW,
            "smtp_code": 250,
        }
        | changes
    )
    db.add(delivery)
    db.flush()
    db.add_all(
        DeliveryRow(delivery_id=delivery.id, number=at, state_code=row.state_code, signature_id=row.id)
        for at, row in enumerate(rows, 1)
    )
    db.commit()
    return delivery
