"""Earlier key pairs of the campaign: the current one opens them until their boxes are resealed."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from campaign.errors import WrongKeyError
from campaign.sealing import box
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping, add_wrapping

logger = logging.getLogger(__name__)

KEY_BYTES = 32

SUCCESSOR = "successor"
"""The kind of a wrapping that the current pair opens."""


def supersede(db: Session, old: CampaignKey, old_private: bytes, new: CampaignKey) -> None:
    """Replace every wrapping of *old* by one that only the private key of *new* opens.

    Pairs that *old* superseded are passed on too. Their boxes are resealed afterwards, in batches. An
    interruption loses nothing, since *new* opens them until :func:`delete_unused` deletes the pair.
    """
    for wrapping in _successors(db):
        earlier = _open_successor(wrapping, old_private)
        if earlier is not None:
            _wrap_for_successor(db, wrapping.key_id, earlier, new)
    _wrap_for_successor(db, old.id, old_private, new)
    db.flush()


def _wrap_for_successor(db: Session, old_id: UUID, old_private: bytes, new: CampaignKey) -> None:
    db.execute(delete(KeyWrapping).where(KeyWrapping.key_id == old_id))
    wrapped = box.seal_bytes(old_private, new.public_key, _successor_context(old_id))
    add_wrapping(db, KeyWrapping(key_id=old_id, kind=SUCCESSOR, wrapped=wrapped))


def superseded_keys(db: Session, private_key: bytes) -> list[tuple[CampaignKey, bytes]]:
    """Return the earlier pairs that the current *private_key* opens, each with its private key.

    A wrapping that does not belong to its pair is left out, and logged.
    """
    found = []
    for wrapping in _successors(db):
        key, private = db.get_one(CampaignKey, wrapping.key_id), _open_successor(wrapping, private_key)
        if private is not None and _is_half(private, key):
            found.append((key, private))
        else:
            logger.error("the wrapping of an earlier key was altered, or belongs to a third key")
    return found


def _successors(db: Session) -> Sequence[KeyWrapping]:
    return db.scalars(select(KeyWrapping).where(KeyWrapping.kind == SUCCESSOR)).all()


def _open_successor(wrapping: KeyWrapping, private_key: bytes) -> bytes | None:
    with suppress(WrongKeyError):
        return box.unseal_bytes(wrapping.wrapped, private_key, _successor_context(wrapping.key_id))
    return None


def _is_half(private_key: bytes, key: CampaignKey) -> bool:
    return len(private_key) == KEY_BYTES and box.public_half(private_key) == key.public_key


def _successor_context(key_id: UUID) -> str:
    return f"successor {key_id}"


def delete_unused(db: Session, is_used: Callable[[UUID], bool]) -> None:
    """Delete the earlier pairs whose id is not used by any box."""
    for key in db.scalars(select(CampaignKey).where(CampaignKey.is_current.is_(False))):
        if not is_used(key.id):
            # Another process may be storing a box of this pair; then a later call deletes the pair.
            with suppress(IntegrityError), db.begin_nested():
                db.execute(delete(CampaignKey).where(CampaignKey.id == key.id))
