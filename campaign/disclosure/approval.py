"""Approving and declining public names and signatories' own words, and resealing to a new key."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from campaign.sealing import box
from campaign.signature.model import APPROVED, DECLINED, PUBLIC, Key, Signature
from campaign.signature.select import awaits_name_approval, awaits_words_approval, counts


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
            signature.public_name = box.unseal(signature.sealed, private_key).name
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
            .where(Signature.state_code == state_code, Signature.id == signature_id, counts())
            .with_for_update(),
            execution_options={"populate_existing": True},
        )
        if signature is not None:
            yield signature


@dataclass(frozen=True)
class Waiting:
    """How many public names and own words wait for a look, in all and by state."""

    names: int
    words: int
    by_state: dict[str, int]


def waiting(db: Session) -> Waiting:
    """Return how many public names and own words wait for an organiser."""
    names, words = awaits_name_approval(), awaits_words_approval()
    rows = db.execute(
        select(
            Signature.state_code,
            func.count().filter(names),
            func.count().filter(words),
        )
        .where(counts(), or_(names, words))
        .group_by(Signature.state_code)
    )
    figures = {code: (of_names, of_words) for code, of_names, of_words in rows}
    return Waiting(
        names=sum(each[0] for each in figures.values()),
        words=sum(each[1] for each in figures.values()),
        by_state={code: sum(each) for code, each in figures.items()},
    )
