"""Change the campaign's key pair: reseal the boxes of an earlier pair to the current one."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.database.session import take_setup_lock
from campaign.errors import WrongKeyError
from campaign.organiser import audit_log
from campaign.organiser.account import Unlocked, any_exist
from campaign.sealing import box, campaign_key, key_succession, link_wrapping
from campaign.sealing.box import Opener
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.sealing.key_succession import SUCCESSOR
from campaign.signature.invalidation import Invalidation
from campaign.signature.model import Signature

RESEALED_AT_ONCE = 200
"""Boxes resealed in one transaction."""


def setup_code(db: Session, *, now: datetime) -> str | None:
    """Return the code of a new one-time setup link; ``None`` if there is an organiser, or all is erased.

    Each start before that makes a new pair, since nothing on disk may hold the code. Signatures
    taken since an earlier start stay sealed to its pair, which that start's link opens. Earlier
    pairs without boxes are deleted.
    """
    take_setup_lock(db)
    if any_exist(db) or campaign_key.destroyed_at(db) is not None:
        return None
    code = link_wrapping.make_provisional(db, now=now)
    key_succession.delete_unused(db, lambda key_id: _is_sealed_to(db, key_id))
    return code


def reseal_some(db: Session, private_key: bytes) -> int:
    """Reseal a batch of boxes from earlier pairs to the current one; return how many.

    Call it again, after a commit, until it returns 0. Earlier pairs without boxes are deleted.
    """
    current = campaign_key.current_key(db)
    if box.public_half(private_key) != current.public_key:
        return 0  # changed again: a session with the present key goes on
    resealed = 0
    for old, old_private in key_succession.superseded_keys(db, private_key):
        opener = Opener(old_private)
        for table in (Signature, Invalidation):
            resealed += _reseal(db, table, old, opener, current, limit=RESEALED_AT_ONCE - resealed)
            if resealed >= RESEALED_AT_ONCE:
                return resealed
    key_succession.delete_unused(db, lambda key_id: _is_sealed_to(db, key_id))
    return resealed


def is_unfinished(db: Session) -> bool:
    """Whether boxes may still be sealed to an earlier pair that the current one opens."""
    return db.scalar(select(KeyWrapping.id).where(KeyWrapping.kind == SUCCESSOR).limit(1)) is not None


def count_to_reseal(db: Session) -> int:
    """Return how many signatures are still sealed to an earlier pair that the current one opens."""
    opened = select(KeyWrapping.key_id).where(KeyWrapping.kind == SUCCESSOR)
    query = select(func.count()).select_from(Signature)
    return db.scalar(query.where(Signature.key_id.in_(opened), Signature.sealed.is_not(None))) or 0


def _is_sealed_to(db: Session, key_id: UUID) -> bool:
    return any(
        db.scalar(select(table.id).where(table.key_id == key_id, table.sealed.is_not(None)).limit(1))
        for table in (Signature, Invalidation)
    )


def _reseal(
    db: Session,
    table: type[Signature] | type[Invalidation],
    old: CampaignKey,
    opener: Opener,
    new: CampaignKey,
    *,
    limit: int,
) -> int:
    rows: Sequence[Any] = db.scalars(
        select(table).where(table.key_id == old.id, table.sealed.is_not(None)).limit(limit).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    for row in rows:
        assert row.sealed is not None
        # The context stays in the box. A box that does not open is left as it is: readers report it.
        with suppress(WrongKeyError):
            row.sealed = box.encrypt(opener.decrypt(row.sealed), new.public_key)
        row.key_id = new.id
    db.flush()
    return len(rows)


def count_sealed_to_setup_link(db: Session) -> int:
    """Return how many signatures only the setup link of an earlier start opens."""
    earlier = (
        select(CampaignKey.id)
        .join(KeyWrapping, KeyWrapping.key_id == CampaignKey.id)
        .where(CampaignKey.is_current.is_(False), KeyWrapping.kind == "link")
    )
    query = select(func.count()).select_from(Signature)
    return db.scalar(query.where(Signature.key_id.in_(earlier), Signature.sealed.is_not(None))) or 0


def adopt_earlier_pair(db: Session, code: str, owner: Unlocked, *, now: datetime) -> None:
    """Give organisers the earlier pair that the setup link *code* opens; its boxes can then be resealed.

    Raises:
        WrongKeyError: The link opens no earlier pair.
    """
    old, old_private = link_wrapping.unwrap_link(db, code, now=now)
    current = campaign_key.current_key(db)
    if not old.is_provisional or old.id == current.id:
        raise WrongKeyError("this link belongs to no earlier pair")
    key_succession.supersede(db, old, old_private, current)
    audit_log.record(db, owner.name, "adopt earlier names", now=now)
