"""Take signatures that are not genuine off the count, and release held ones."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, ForeignKey, Select, func, select, tuple_, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database import journal
from campaign.database.table import Base
from campaign.errors import WrongKeyError
from campaign.sealing import box
from campaign.sealing.campaign_key import current_key
from campaign.sealing.key_ring import KeyRing
from campaign.signature import count
from campaign.signature.model import Signature, SignatureKey
from campaign.signature.search import Criteria
from campaign.signature.signature_mac import deciding

BATCH = 1000
"""Signatures changed in one transaction: signing waits for it."""


class Invalidation(Base):
    """An organiser's decision that some signatures do not count; it can be undone."""

    __tablename__ = "invalidation"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    made_at: Mapped[datetime] = mapped_column(index=True)
    organiser: Mapped[str]
    key_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaign_key.id"))
    sealed: Mapped[bytes | None]
    """:class:`Grounds`, sealed like names: a domain or a sentence could reveal who signed."""
    number: Mapped[int]
    """Signatures that it invalidated, whether they counted or not."""
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]

    @property
    def context(self) -> str:
        """What the box is bound to."""
        return f"invalidation {self.id} {self.organiser}"


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """An organiser's grounds for a decision."""

    rule: dict[str, str] = field(default_factory=dict, repr=False)
    """The search criteria that were filled in; empty for signatures chosen one by one."""
    reason: str = field(repr=False)


def record_decision(
    db: Session, criteria: Criteria | None, reason: str, *, by: str, now: datetime
) -> Invalidation:
    """Record a decision; then invalidate its signatures in batches.

    Args:
        db: The session.
        criteria: What they were searched by; ``None`` if they were chosen one by one.
        reason: The organiser's reason, a sentence.
        by: The organiser's name.
        now: The time.

    Raises:
        NoKeyError: There is no key to seal the grounds to.
    """
    key = current_key(db)
    filled_in = {name: str(part) for name, part in asdict(criteria).items() if part} if criteria else {}
    content = json.dumps({"rule": filled_in, "reason": reason}, ensure_ascii=False).encode()
    decision = Invalidation(id=uuid4(), made_at=now, organiser=by, key_id=key.id, number=0)
    padded = box.pad(content)
    decision.sealed = box.seal_bytes(padded, key.public_key, decision.context)
    db.add(decision)
    db.flush()
    return decision


def grounds(decision: Invalidation, ring: KeyRing) -> Grounds | None:
    """Return the grounds of *decision*; ``None`` if they are erased, altered, or sealed to another key."""
    if decision.sealed is not None:
        with suppress(WrongKeyError):
            content = ring.content(decision.key_id, decision.sealed, decision.context)
            return Grounds(**json.loads(box.unpad(content)))
    return None


def invalidate(db: Session, decision_id: UUID, keys: Collection[SignatureKey]) -> int:
    """Invalidate those of *keys* that are not yet, pending ones too; return how many."""
    changed = _change(
        db,
        _has_key(keys),
        Signature.invalidation_id.is_(None),
        changes={"invalidation_id": decision_id, "to_strike": True},
    )
    _count(db, (row for row in changed if row.held_for is None), -1)
    if changed:
        ids = [[row.state_code, row.id] for row in changed]
        journal.record(db, journal.INVALIDATE, decision=decision_id, signatures=ids)
    db.execute(
        update(Invalidation)
        .where(Invalidation.id == decision_id)
        .values(number=Invalidation.number + len(changed))
    )
    return len(changed)


def undo(db: Session, decision_id: UUID, *, by: str, now: datetime) -> int:
    """Undo a decision for a batch of its signatures; return how many.

    Call it again, after a commit, until it returns 0. Signatures withdrawn in the meantime stay withdrawn.
    """
    batch = (
        select(Signature.state_code, Signature.id)
        .where(Signature.invalidation_id == decision_id, Signature.withdrawn_on.is_(None))
        .limit(BATCH)
    )
    keys = [(row.state_code, row.id) for row in db.execute(batch)]
    changed = _restore(db, decision_id, keys) if keys else 0
    if changed:
        journal.record(db, journal.UNDO, decision=decision_id)
    # Locked last, as in invalidate(): in the other order the two would deadlock.
    db.execute(
        update(Invalidation)
        .where(Invalidation.id == decision_id, Invalidation.undone_at.is_(None))
        .values(undone_at=now, undone_by=by)
    )
    return changed


def _restore(db: Session, decision_id: UUID, keys: Collection[SignatureKey]) -> int:
    changed = _change(
        db,
        _has_key(keys),
        Signature.invalidation_id == decision_id,
        changes={"invalidation_id": None, "to_strike": False},
    )
    _count(db, (row for row in changed if row.held_for is None), 1)
    return len(changed)


def release(db: Session, keys: Collection[SignatureKey]) -> int:
    """Release those of *keys* that are held: once confirmed, they count. Return how many."""
    changed = _change(
        db,
        _has_key(keys),
        Signature.held_for.is_not(None),
        changes={"held_for": None},
    )
    _count(db, (row for row in changed if row.invalidation_id is None), 1)
    return len(changed)


def count_held(db: Session) -> dict[str, tuple[int, int]]:
    """Return the numbers of held signatures, pending and confirmed, by reason."""
    confirmed = func.count(Signature.confirmed_on)
    rows = db.execute(
        select(Signature.held_for, func.count() - confirmed, confirmed)
        .where(
            Signature.held_for.is_not(None),
            Signature.withdrawn_on.is_(None),
            Signature.invalidation_id.is_(None),
        )
        .group_by(Signature.held_for)
    )
    return {str(reason): (pending, confirmed) for reason, pending, confirmed in rows}


def decisions() -> Select[Invalidation]:
    """Select the decisions, newest first."""
    return select(Invalidation).order_by(Invalidation.made_at.desc(), Invalidation.id)


def count_undoable(db: Session, decision_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return how many signatures undoing would restore, by decision; a decision without any is absent."""
    rows = db.execute(
        select(Signature.invalidation_id, func.count())
        .where(Signature.invalidation_id.in_(decision_ids), Signature.withdrawn_on.is_(None))
        .group_by(Signature.invalidation_id)
    )
    return {decision_id: number for decision_id, number in rows if decision_id}


def _has_key(keys: Collection[SignatureKey]) -> Any:
    return tuple_(Signature.state_code, Signature.id).in_(sorted(keys))


def _change(db: Session, *where: ColumnElement[bool], changes: Mapping[str, Any]) -> list[Signature]:
    """Change signatures that were not withdrawn; return them."""
    rows = db.scalars(
        select(Signature)
        .where(*where, Signature.withdrawn_on.is_(None))
        # Locked in the order in which confirming locks them, to avoid a deadlock.
        .order_by(Signature.state_code, Signature.digest, Signature.id)
        .with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    for row in rows:
        with deciding(db, row):
            for column, value in changes.items():
                setattr(row, column, value)
    db.flush()
    return list(rows)


def _count(db: Session, rows: Iterable[Signature], by: int) -> None:
    """Add *by* for each confirmed one of *rows* to the count of the day on which it was confirmed."""
    sums = Counter((row.state_code, row.residence, row.confirmed_on) for row in rows if row.confirmed_on)
    count.add_all(db, {key: (by * number, 0) for key, number in sums.items()})
