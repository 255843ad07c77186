"""Change the campaign's key pair: reseal the boxes of an earlier pair to the current one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.database.session import take_setup_lock
from campaign.errors import WrongKeyError
from campaign.organiser import audit_log
from campaign.organiser.account import Unlocked, any_exist
from campaign.sealing import box, campaign_key, key_wrapping
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import CampaignKey
from campaign.signature.model import Signature


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
        details: Details = box.unseal(row.sealed, old_private)
        row.sealed = box.seal(details, new.public_key)
        row.key_id = new.id
    db.flush()
    return len(rows)


def is_sealed_to(db: Session, key_id: UUID) -> bool:
    """Whether any box waits under this pair."""
    boxes = select(Signature.id).where(Signature.key_id == key_id, Signature.sealed.is_not(None))
    return db.scalar(boxes.limit(1)) is not None


RESEALED_AT_ONCE = 200


def setup_code(db: Session, *, now: datetime) -> str | None:
    """Return the code of a new one-time setup link, or ``None`` once there is an organiser, or all is erased.

    Each start before that makes a pair of its own, since nothing on disk may hold the code.
    What supporters signed meanwhile stays sealed to the pair of its day, and that start's
    link still opens it; a pair that nothing is sealed to is dropped.
    """
    take_setup_lock(db)
    if any_exist(db) or campaign_key.destroyed_at(db) is not None:
        return None
    code = key_wrapping.make_provisional(db, now=now)
    campaign_key.delete_unused(db, lambda key_id: is_sealed_to(db, key_id))
    return code


def reseal_some(db: Session, private_key: bytes) -> int:
    """Move a batch of boxes from earlier pairs to the current one; return how many were moved.

    Call again, after a commit, until none was. An earlier pair that is empty goes.
    """
    current = campaign_key.current_key(db)
    moved = 0
    for old, old_private in campaign_key.superseded_keys(db, private_key):
        moved += reseal(db, old, old_private, current, limit=RESEALED_AT_ONCE - moved)
        if moved >= RESEALED_AT_ONCE:
            return moved
    campaign_key.delete_unused(db, lambda key_id: is_sealed_to(db, key_id))
    return moved


def left_behind(db: Session) -> int:
    """Return how many signatures wait for the setup link of an earlier start."""
    earlier = (
        select(CampaignKey.id)
        .join(campaign_key.KeyWrapping, campaign_key.KeyWrapping.key_id == CampaignKey.id)
        .where(CampaignKey.is_current.is_(False), campaign_key.KeyWrapping.kind == "link")
    )
    query = select(func.count()).select_from(Signature)
    return db.scalar(query.where(Signature.key_id.in_(earlier), Signature.sealed.is_not(None))) or 0


def adopt(db: Session, code: str, owner: Unlocked, *, now: datetime) -> None:
    """Take over what is sealed to an earlier pair, with the setup link of its day.

    Raises:
        WrongKeyError: The link opens no such pair.
    """
    old, old_private = key_wrapping.unwrap_link(db, code, now=now)
    current = campaign_key.current_key(db)
    if not old.is_provisional or old.id == current.id:
        raise WrongKeyError("this link belongs to no earlier pair")
    campaign_key.supersede(db, old, old_private, current)
    audit_log.record(db, owner.name, "adopt earlier names", now=now)
