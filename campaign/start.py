"""What a start makes sure of: tables, keys, salts and the edition of the letter."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign import audit, campaign_key, letter, organiser, relocation, safety
from campaign.appeal import Appeal
from campaign.campaign_key import CampaignKey
from campaign.database import Database, check_secret_key, lock_starts, recall, remember
from campaign.delivery.row import settle_interrupted
from campaign.errors import WrongKeyError
from campaign.organiser import Unlocked
from campaign.seal import ServerKeys
from campaign.settings import Settings
from campaign.signature import Signature
from campaign.signature.review import is_sealed_to, reseal

RESEALED_AT_ONCE = 200


@dataclass(frozen=True)
class Started:
    """What a started process works with."""

    keys: ServerKeys
    edition: int


def prepare(database: Database, settings: Settings, appeal: Appeal, *, now: datetime) -> Started:
    """Bring the database to where this version needs it; many processes may do so at once.

    Raises:
        SettingsError: The database belongs to another secret key.
    """
    database.migrate()
    with database.writing() as db:
        lock_starts(db)
        relocation.check_finished(db)
        salt = _digest_salt(db, settings)
        safety.settle(db, appeal, now=now)
        edition = letter.current_edition(db, safety.effective(db, appeal), now=now)
        settle_interrupted(db, now=now)
    return Started(ServerKeys.from_secret(settings.secret_key, bytes.fromhex(salt)), edition)


def _digest_salt(db: Session, settings: Settings) -> str:
    """Return the salt of the digests, made at the first start; after an erasure there is none to be kept.

    Raises:
        SettingsError: The database belongs to another secret key.
    """
    if campaign_key.destroyed_at(db) is not None:
        # Any secret key will do, since nothing was left that belongs to one.
        return secrets.token_hex(16)
    check_secret_key(db, settings.secret_key)
    salt = recall(db, "digest_salt")
    if salt is None:
        salt = secrets.token_hex(16)
        remember(db, "digest_salt", salt)
    return salt


def setup_code(db: Session, *, now: datetime) -> str | None:
    """Return the code of a new one-time setup link, or ``None`` once there is an organiser, or all is erased.

    Each start before that makes a pair of its own, since nothing on disk may hold the code.
    What supporters signed meanwhile stays sealed to the pair of its day, and that start's
    link still opens it; a pair that nothing is sealed to is dropped.
    """
    lock_starts(db)
    if organiser.any_exist(db) or campaign_key.destroyed_at(db) is not None:
        return None
    code = campaign_key.make_provisional(db, now=now)
    campaign_key.forget_empty(db, lambda key_id: is_sealed_to(db, key_id))
    return code


def reseal_some(db: Session, private_key: bytes) -> int:
    """Move a batch of boxes from earlier pairs to the current one; return how many were moved.

    Call again, after a commit, until none was. An earlier pair that is empty goes.
    """
    current = campaign_key.current_key(db)
    moved = 0
    for old, old_private in campaign_key.superseded(db, private_key):
        moved += reseal(db, old, old_private, current, limit=RESEALED_AT_ONCE - moved)
        if moved >= RESEALED_AT_ONCE:
            return moved
    campaign_key.forget_empty(db, lambda key_id: is_sealed_to(db, key_id))
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
    old, old_private = campaign_key.open_link(db, code, now=now)
    current = campaign_key.current_key(db)
    if not old.is_provisional or old.id == current.id:
        raise WrongKeyError("this link belongs to no earlier pair")
    campaign_key.hand_over(db, old, old_private, current)
    audit.record(db, owner.name, "adopt earlier names", now=now)
