"""Approve or decline public names and signatories' own words."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.sealing import row_mac
from campaign.sealing.key_ring import KeyRing
from campaign.signature.model import APPROVED, DECLINED, PUBLIC, Signature, SignatureKey
from campaign.signature.select import awaits_name_approval, awaits_words_approval, counts
from campaign.signature.signature_mac import deciding, is_as_decided
from campaign.signature.unsealed_signature import UnsealedSignature, unopened_key_ids

NAMES, WORDS = "names", "words"


class Outcome(Enum):
    """The outcome of a review for one signature."""

    DECIDED = auto()
    """Approved or declined, as the organiser chose."""
    ENDANGERED = auto()
    """Declined instead of approved: the signatory lives in an endangered place."""
    UNREADABLE = auto()
    """Unchanged: the box is sealed to another key."""
    ALTERED = auto()
    """Unchanged: the box does not belong to the row."""
    UNCHANGED = auto()
    """Withdrawn, set aside or decided before."""


def approve_names(
    db: Session,
    keys: Iterable[SignatureKey],
    ring: KeyRing,
    *,
    shown: str | None,
    not_from: Collection[str] = (),
) -> Counter[Outcome]:
    """Publish the names of *keys*; return the number of each outcome.

    Args:
        db: A session that may write.
        keys: The chosen signatures.
        ring: Opens the boxes.
        shown: The verdict that the organiser saw; another organiser may have changed it since.
        not_from: Residences whose names are declined instead.
    """

    def approve(signature: Signature) -> Outcome:
        if signature.disclosure != PUBLIC or signature.name_review != shown or shown == APPROVED:
            return Outcome.UNCHANGED
        if signature.residence in not_from:
            signature.name_review = DECLINED
            return Outcome.ENDANGERED
        if _is_altered(db, signature, ring):
            return Outcome.ALTERED
        unsealed = UnsealedSignature(signature, ring)
        if unsealed.details is None:
            return Outcome.ALTERED if unsealed.is_altered else Outcome.UNREADABLE
        signature.public_name, signature.name_review = unsealed.details.name, APPROVED
        return Outcome.DECIDED

    return _review(db, keys, approve)


def _is_altered(db: Session, signature: Signature, ring: KeyRing) -> bool:
    """Whether somebody wrote a decision into the database, such as to be public; the ring counts it."""
    if is_as_decided(db.info[row_mac.KEY], signature):
        return False
    ring.altered.add(signature.context)
    return True


def decline_names(db: Session, keys: Iterable[SignatureKey], *, shown: str | None) -> Counter[Outcome]:
    """Decline the public names of *keys* whose verdict is still *shown*; count each outcome."""

    def decline(signature: Signature) -> Outcome:
        if signature.disclosure != PUBLIC or signature.name_review != shown or shown == DECLINED:
            return Outcome.UNCHANGED
        signature.public_name, signature.name_review = None, DECLINED
        journal.record(db, journal.DECLINE_NAMES, state=signature.state_code, id=signature.id)
        return Outcome.DECIDED

    return _review(db, keys, decline)


def decline_names_from(db: Session, residences: Collection[str]) -> None:
    """Decline every public name of people who live in *residences*, published ones too."""
    declined = and_(Signature.name_review == DECLINED, Signature.public_name.is_(None))
    rows = db.scalars(
        select(Signature)
        .where(
            Signature.residence.in_(residences),
            Signature.disclosure == PUBLIC,
            func.coalesce(~declined, true()),
        )
        .order_by(Signature.state_code, Signature.digest, Signature.id)  # as confirming locks them
        .with_for_update(),
        execution_options={"populate_existing": True},
    )
    for signature in rows:
        with deciding(db, signature):
            signature.public_name, signature.name_review = None, DECLINED
    db.flush()


def approve_words(
    db: Session, keys: Iterable[SignatureKey], ring: KeyRing, *, shown: str | None
) -> Counter[Outcome]:
    """Add the own words of *keys* whose verdict is still *shown* to deliveries; count each outcome."""

    def approve(signature: Signature) -> Outcome:
        if not signature.has_words or signature.words_review != shown or shown == APPROVED:
            return Outcome.UNCHANGED
        if _is_altered(db, signature, ring):
            return Outcome.ALTERED
        unsealed = UnsealedSignature(signature, ring)
        if unsealed.details is None:
            return Outcome.ALTERED if unsealed.is_altered else Outcome.UNREADABLE
        signature.words_review = APPROVED
        return Outcome.DECIDED

    return _review(db, keys, approve)


def decline_words(db: Session, keys: Iterable[SignatureKey], *, shown: str | None) -> Counter[Outcome]:
    """Exclude the own words of *keys* whose verdict is still *shown* from deliveries; count each outcome."""

    def decline(signature: Signature) -> Outcome:
        if not signature.has_words or signature.words_review != shown or shown == DECLINED:
            return Outcome.UNCHANGED
        signature.words_review = DECLINED
        journal.record(db, journal.DECLINE_WORDS, state=signature.state_code, id=signature.id)
        return Outcome.DECIDED

    return _review(db, keys, decline)


def _review(
    db: Session, keys: Iterable[SignatureKey], decide: Callable[[Signature], Outcome]
) -> Counter[Outcome]:
    chosen = set(keys)
    outcomes = Counter[Outcome]()
    for signature in _locked(db, chosen):
        with deciding(db, signature):
            outcomes[decide(signature)] += 1
    outcomes[Outcome.UNCHANGED] += len(chosen) - outcomes.total()
    return outcomes


def _locked(db: Session, keys: Iterable[SignatureKey]) -> Iterator[Signature]:
    for state_code, signature_id in sorted(keys):
        signature = db.scalar(
            select(Signature)
            .where(Signature.state_code == state_code, Signature.id == signature_id, counts())
            .with_for_update(),
            execution_options={"populate_existing": True},
        )
        if signature is not None:
            yield signature


def entries(
    db: Session, kind: str, verdict: str | None, state_code: str = ""
) -> tuple[Select[Signature], int]:
    """Select the entries with *verdict*, and return how many more are sealed to an earlier key.

    Args:
        db: The session.
        kind: :data:`NAMES` or :data:`WORDS`.
        verdict: ``APPROVED``, ``DECLINED``, or ``None`` for waiting entries.
        state_code: The letter; empty for all letters.
    """
    chosen = select(Signature).where(counts(), *_has_verdict(kind, verdict))
    if state_code:
        chosen = chosen.where(Signature.state_code == state_code)
    ordered = chosen.order_by(Signature.state_code, Signature.id)
    earlier = unopened_key_ids(db)
    if not earlier:
        return ordered, 0
    unreadable = chosen.where(Signature.key_id.in_(earlier)).with_only_columns(func.count())
    return ordered.where(Signature.key_id.not_in(earlier)), db.scalar(unreadable) or 0


def _has_verdict(kind: str, verdict: str | None) -> list[ColumnElement[bool]]:
    if verdict is None:
        waiting = awaits_name_approval() if kind == NAMES else awaits_words_approval()
        return [or_(awaits_name_approval(), awaits_words_approval()), waiting]
    if kind == NAMES:
        return [Signature.disclosure == PUBLIC, Signature.name_review == verdict]
    return [Signature.has_words.is_(True), Signature.words_review == verdict]


@dataclass(frozen=True)
class WaitingCounts:
    """How many public names and own words wait for approval, in all and by state."""

    names: int
    words: int
    by_state: dict[str, int]


def count_waiting(db: Session) -> WaitingCounts:
    """Return how many public names and own words wait for approval."""
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
    return WaitingCounts(
        names=sum(each[0] for each in figures.values()),
        words=sum(each[1] for each in figures.values()),
        by_state={code: sum(each) for code, each in figures.items()},
    )
