"""Wrappings of the campaign's private key for organisers and for their recovery codes."""

from datetime import date
from uuid import UUID

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from campaign.errors import AlteredError, ReplacedKeyError, WrongKeyError
from campaign.sealing import box, row_mac
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping, add_wrapping, present_key

RECOVERY = "recovery"
"""The kind of a recovery code's wrapping."""


def wrap_for(
    db: Session, key: CampaignKey, private_key: bytes, *, holder_id: UUID, public_key: bytes
) -> None:
    """Store a wrapping of *private_key* that the organiser's own key pair opens.

    Args:
        db: A session that may write.
        key: The campaign's pair.
        private_key: Of *key*.
        holder_id: The organiser.
        public_key: Of the organiser's own pair.

    Raises:
        ReplacedKeyError: *private_key* does not belong to *key*; the wrapping would be useless.
    """
    check_pair(key, private_key)
    row = KeyWrapping(key_id=key.id, kind="organiser", holder_id=holder_id)
    row.wrapped = box.seal_bytes(private_key, public_key, row.context)
    add_wrapping(db, row)


def wrap_for_recovery(
    db: Session,
    key: CampaignKey,
    private_key: bytes,
    *,
    holder_id: UUID,
    opens_hash: bytes,
    public_key: bytes,
    tested_on: date | None = None,
) -> None:
    """Store a wrapping of *private_key* that a recovery code opens.

    Args:
        db: A session that may write.
        key: The campaign's pair.
        private_key: Of *key*.
        holder_id: The organiser who has the code.
        opens_hash: The code's hash.
        public_key: Of the code's own pair.
        tested_on: When its owner last tested it.

    Raises:
        ReplacedKeyError: *private_key* does not belong to *key*.
    """
    check_pair(key, private_key)
    row = KeyWrapping(
        key_id=key.id,
        kind=RECOVERY,
        holder_id=holder_id,
        opens_hash=opens_hash,
        public_key=public_key,
        tested_on=tested_on,
    )
    row.wrapped = box.seal_bytes(private_key, public_key, row.context)
    add_wrapping(db, row)


def check_pair(key: CampaignKey, private_key: bytes) -> None:
    """Raise unless *private_key* is that of *key*.

    Raises:
        ReplacedKeyError: The campaign's key was changed since the login.
    """
    if box.public_half(private_key) != key.public_key:
        raise ReplacedKeyError("this is not the campaign’s present key: log in again")


def recovery_wrappings(db: Session, key: CampaignKey) -> list[KeyWrapping]:
    """Return the wrappings of recovery codes for *key*."""
    return list(
        db.scalars(select(KeyWrapping).where(KeyWrapping.key_id == key.id, KeyWrapping.kind == RECOVERY))
    )


def rewrap_for(db: Session, holder_id: UUID, own_private: bytes, public_key: bytes) -> None:
    """Seal an organiser's wrappings, which *own_private* opens, to the organiser's new *public_key*.

    Raises:
        AlteredError: Somebody changed a wrapping in the database.
    """
    mine = select(KeyWrapping).where(KeyWrapping.holder_id == holder_id, KeyWrapping.kind == "organiser")
    for row in db.scalars(mine):
        row_mac.lock(db, row)
        private_key = box.unseal_bytes(row.wrapped, own_private, row.context)
        row.wrapped = box.seal_bytes(private_key, public_key, row.context)
        row_mac.sign(db, row)


def unwrap_for(db: Session, holder_id: UUID, own_private: bytes) -> bytes:
    """Return the current pair's private key, with the private key of an organiser's own pair.

    Raises:
        WrongKeyError: The organiser has no wrapping.
        AlteredError: Somebody changed it, or the pair, in the database.
    """
    row = db.scalar(_organisers_wrappings().where(KeyWrapping.holder_id == holder_id))
    if row is None:
        raise WrongKeyError("this account has no wrapping of the campaign's key")
    row_mac.check(db, row)
    private_key, key = box.unseal_bytes(row.wrapped, own_private, row.context), present_key(db)
    if box.public_half(private_key) != key.public_key:
        raise AlteredError("the campaign’s private key does not belong to its public key")
    return private_key


def holder_ids(db: Session) -> set[UUID]:
    """Return which organisers have a genuine wrapping of the current pair; recovery codes do not count."""
    return {
        each.holder_id
        for each in db.scalars(_organisers_wrappings())
        if each.holder_id is not None and row_mac.is_genuine(db, each)
    }


def delete_wrappings(db: Session, holder_id: UUID) -> None:
    """Delete every wrapping of an organiser, with recovery code and invitations."""
    db.execute(delete(KeyWrapping).where(KeyWrapping.holder_id == holder_id))


def _organisers_wrappings() -> Select[KeyWrapping]:
    current = select(CampaignKey.id).where(CampaignKey.is_current)
    return select(KeyWrapping).where(KeyWrapping.kind == "organiser", KeyWrapping.key_id.in_(current))
