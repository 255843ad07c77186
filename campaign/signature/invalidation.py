"""Taking signatures off the count that are not what they claim to be, and letting held ones count."""

import json
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from nacl.bindings import sodium_pad, sodium_unpad
from sqlalchemy import ForeignKey, Row, Select, Update, func, select, tuple_, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base
from campaign.errors import WrongKeyError
from campaign.sealing import box
from campaign.sealing.campaign_key import current_key
from campaign.signature import count
from campaign.signature.model import Key, Signature
from campaign.signature.search import Rule

BATCH = 1000
"""Signatures changed in one transaction, so that nobody signing waits long."""


class Invalidation(Base):
    """An organiser's decision that some signatures do not count; it can be undone."""

    __tablename__ = "invalidation"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    made_at: Mapped[datetime] = mapped_column(index=True)
    organiser: Mapped[str]
    key_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaign_key.id"))
    sealed: Mapped[bytes | None]
    """Rule and reason, sealed like names: a domain or a sentence could tell who signed."""
    number: Mapped[int]
    """Signatures that it took off the count, or kept from it."""
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """What an organiser decided by."""

    rule: dict[str, str] = field(default_factory=dict, repr=False)
    """The parts of the rule that were given, in words; empty for signatures chosen one by one."""
    reason: str = field(repr=False)


def begin(db: Session, rule: Rule | None, reason: str, *, by: str, now: datetime) -> Invalidation:
    """Keep a decision, before the signatures that it is about are set aside in batches.

    Args:
        db: The session.
        rule: What they were found by; ``None`` when they were chosen one by one.
        reason: The organiser's, in a sentence.
        by: The organiser's name.
        now: The time.

    Raises:
        NoKeyError: There is no key to seal the grounds to.
    """
    key = current_key(db)
    parts = {name: str(part) for name, part in asdict(rule).items() if part} if rule else {}
    content = json.dumps({"rule": parts, "reason": reason}, ensure_ascii=False).encode()
    decision = Invalidation(
        made_at=now,
        organiser=by,
        key_id=key.id,
        sealed=box.seal_bytes(sodium_pad(content, box.BLOCK_BYTES), key.public_key),
        number=0,
    )
    db.add(decision)
    db.flush()
    return decision


def grounds(decision: Invalidation, private_key: bytes) -> Grounds | None:
    """Return what *decision* was made by; ``None`` once erased, or sealed to another key."""
    if decision.sealed is not None:
        with suppress(WrongKeyError):
            content = box.unseal_bytes(decision.sealed, private_key)
            return Grounds(**json.loads(sodium_unpad(content, box.BLOCK_BYTES)))
    return None


def invalidate(db: Session, decision_id: UUID, keys: Collection[Key]) -> int:
    """Set aside those of *keys* that are not yet, pending ones too; return how many they were."""
    changed = _change(
        db,
        update(Signature)
        .where(_among(keys), Signature.withdrawn_on.is_(None), Signature.invalidation_id.is_(None))
        .values(invalidation_id=decision_id, to_strike=True),
    )
    _count(db, (row for row in changed if row.held_for is None), -1)
    db.execute(
        update(Invalidation)
        .where(Invalidation.id == decision_id)
        .values(number=Invalidation.number + len(changed))
    )
    return len(changed)


def undo(db: Session, decision_id: UUID, *, by: str, now: datetime) -> int:
    """Take back a batch of what *decision_id* set aside; call again, after a commit, until none was.

    What its owner withdrew in the meantime stays off every count.
    """
    batch = (
        select(Signature.state_code, Signature.id)
        .where(Signature.invalidation_id == decision_id, Signature.withdrawn_on.is_(None))
        .limit(BATCH)
    )
    keys = [(row.state_code, row.id) for row in db.execute(batch)]
    db.execute(
        update(Invalidation)
        .where(Invalidation.id == decision_id, Invalidation.undone_at.is_(None))
        .values(undone_at=now, undone_by=by)
    )
    if not keys:
        return 0
    changed = _change(
        db,
        update(Signature)
        .where(_among(keys), Signature.invalidation_id == decision_id, Signature.withdrawn_on.is_(None))
        .values(invalidation_id=None, to_strike=False),
    )
    _count(db, (row for row in changed if row.held_for is None), 1)
    return len(changed)


def release(db: Session, keys: Collection[Key]) -> int:
    """Let those of *keys* that are held count, as soon as they are confirmed; return how many they were."""
    changed = _change(
        db,
        update(Signature)
        .where(_among(keys), Signature.held_for.is_not(None), Signature.withdrawn_on.is_(None))
        .values(held_for=None),
    )
    _count(db, (row for row in changed if row.invalidation_id is None), 1)
    return len(changed)


def held(db: Session) -> dict[str, tuple[int, int]]:
    """Return how many pending and confirmed signatures are held, by reason."""
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
    return {str(reason): (pending, settled) for reason, pending, settled in rows}


def decisions() -> Select[Invalidation]:
    """Select the decisions, the latest first."""
    return select(Invalidation).order_by(Invalidation.made_at.desc(), Invalidation.id)


def left(db: Session, decision_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return how many signatures undoing would put back, by decision; those with none are absent."""
    rows = db.execute(
        select(Signature.invalidation_id, func.count())
        .where(Signature.invalidation_id.in_(decision_ids), Signature.withdrawn_on.is_(None))
        .group_by(Signature.invalidation_id)
    )
    return {decision_id: number for decision_id, number in rows if decision_id}


def _among(keys: Collection[Key]) -> Any:
    return tuple_(Signature.state_code, Signature.id).in_(sorted(keys))


def _change(db: Session, statement: Update) -> list[Row[Any]]:
    changed = statement.returning(
        Signature.state_code,
        Signature.residence,
        Signature.confirmed_on,
        Signature.held_for,
        Signature.invalidation_id,
    )
    _lock(db, statement)
    return list(db.execute(changed, execution_options={"synchronize_session": False}))


def _lock(db: Session, statement: Update) -> None:
    """Lock what *statement* changes in the order in which confirming does, or both might wait in a circle."""
    if db.get_bind().dialect.name == "postgresql" and statement.whereclause is not None:
        rows = select(Signature.id).where(statement.whereclause)
        order = Signature.state_code, Signature.digest, Signature.id
        db.execute(rows.order_by(*order).with_for_update(of=Signature))


def _count(db: Session, rows: Iterable[Row[Any]], by: int) -> None:
    """Count the confirmed ones of *rows* on the day they were confirmed, or no longer."""
    sums = Counter((row.state_code, row.residence, row.confirmed_on) for row in rows if row.confirmed_on)
    count.add_over_days(db, {of: by * number for of, number in sums.items()})
