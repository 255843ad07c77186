"""Approving and declining public names and signatories' own words, and resealing to a new key."""

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaign import seal
from campaign.campaign_key import CampaignKey
from campaign.seal import Details
from campaign.signature.row import APPROVED, DECLINED, PUBLIC, Key, Signature, standing


def approve_names(
    db: Session, keys: Iterable[Key], private_key: bytes, *, not_from: Collection[str] = ()
) -> int:
    """Publish the names of *keys* that their owners want public; return how many.

    Names of people who live in *not_from* are declined instead.
    """
    approved = 0
    for signature in _locked(db, keys):
        if signature.disclosure == PUBLIC and signature.sealed and signature.name_review is None:
            if signature.residence in not_from:
                signature.name_review = DECLINED
                continue
            signature.public_name = seal.unseal(signature.sealed, private_key).name
            signature.name_review = APPROVED
            approved += 1
    return approved


def decline_names(db: Session, keys: Iterable[Key]) -> int:
    """Keep the public names of *keys* off the site; return how many."""
    declined = 0
    for signature in _locked(db, keys):
        if signature.disclosure == PUBLIC and signature.name_review != DECLINED:
            signature.public_name = None
            signature.name_review = DECLINED
            declined += 1
    return declined


def decline_names_from(db: Session, residences: Collection[str]) -> None:
    """Take off the site, and keep off it, every public name of people who live in *residences*."""
    db.execute(
        update(Signature)
        .where(Signature.residence.in_(residences), Signature.disclosure == PUBLIC)
        .values(public_name=None, name_review=DECLINED),
        execution_options={"synchronize_session": False},
    )


def approve_words(db: Session, keys: Iterable[Key]) -> int:
    """Let the own words of *keys* go along with deliveries; return how many."""
    return _review_words(db, keys, APPROVED)


def decline_words(db: Session, keys: Iterable[Key]) -> int:
    """Keep the own words of *keys* out of deliveries; return how many."""
    return _review_words(db, keys, DECLINED)


def reseal(db: Session, old: CampaignKey, old_private: bytes, new: CampaignKey, *, limit: int) -> int:
    """Move up to *limit* boxes from *old* to *new*; return how many there were."""
    rows = db.scalars(
        select(Signature)
        .where(Signature.key_id == old.id, Signature.sealed.is_not(None))
        .limit(limit)
        .with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    for row in rows:
        assert row.sealed is not None
        details: Details = seal.unseal(row.sealed, old_private)
        row.sealed = seal.seal(details, new.public_key)
        row.key_id = new.id
    db.flush()
    return len(rows)


def is_sealed_to(db: Session, key_id: UUID) -> bool:
    """Whether any box waits under this pair."""
    boxes = select(Signature.id).where(Signature.key_id == key_id, Signature.sealed.is_not(None))
    return db.scalar(boxes.limit(1)) is not None


def _review_words(db: Session, keys: Iterable[Key], verdict: str) -> int:
    reviewed = 0
    for signature in _locked(db, keys):
        if signature.has_words and signature.words_review != verdict:
            signature.words_review = verdict
            reviewed += 1
    return reviewed


def _locked(db: Session, keys: Iterable[Key]) -> Iterable[Signature]:
    for state_code, signature_id in sorted(keys):
        signature = db.scalar(
            select(Signature)
            .where(Signature.state_code == state_code, Signature.id == signature_id, standing())
            .with_for_update(),
            execution_options={"populate_existing": True},
        )
        if signature is not None:
            yield signature
