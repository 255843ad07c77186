"""One-time links that open the campaign's key: the setup link, and invitations."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from campaign.errors import WrongKeyError
from campaign.sealing import box, row_mac
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping, add_wrapping, make_current
from campaign.sealing.code import code_hash, code_key, new_code
from campaign.sealing.ended_link import check_lasts, check_unused
from campaign.sealing.key_wrapping import check_pair


class Invited(NamedTuple):
    """The account that an invitation makes."""

    name: str
    role: str
    holder_id: UUID | None = None
    """The owner who invites."""


def make_provisional(db: Session, *, now: datetime) -> str:
    """Make a pair before the first organiser; return the code of the setup link that opens it.

    An earlier provisional pair stays under its own link, for the boxes sealed to it.
    """
    key, private_key = make_current(db, is_provisional=True, now=now)
    return wrap_under_link(db, key, private_key)


def wrap_under_link(
    db: Session,
    key: CampaignKey,
    private_key: bytes,
    *,
    holder_id: UUID | None = None,
    invited: Invited | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Wrap *private_key* under a new one-time code, and return the code.

    Args:
        db: A session that may write.
        key: The pair.
        private_key: Of *key*; empty for a reader's invitation.
        holder_id: The organiser who makes an invitation; it is deleted with their wrappings.
        invited: Of an invitation: the account that it makes.
        expires_at: When an invitation ends.
    """
    code = new_code()
    row = KeyWrapping(
        key_id=key.id,
        kind="link",
        holder_id=holder_id,
        opens_hash=code_hash(code),
        role=invited.role if invited else None,
        name=invited.name if invited else None,
        expires_at=expires_at and expires_at.astimezone(UTC),
    )
    if private_key:
        check_pair(key, private_key)
    row.wrapped = box.wrap(private_key, code_key(code), row.context)
    add_wrapping(db, row)
    db.flush()
    return code


def unwrap_link(db: Session, code: str, *, now: datetime) -> tuple[CampaignKey, bytes]:
    """Return the pair under a setup link or an invitation, with its private key.

    Raises:
        WrongKeyError: No link has this code, or it was used, or it has expired, or the campaign's key was
            changed since the invitation.
        AlteredError: Its role, its end or its holder was changed in the database, or its pair.
    """
    row = db.scalar(_link(code))
    if row is None or (row.expires_at and row.expires_at < now):
        raise WrongKeyError("this link opens nothing: it was used, or its time is over")
    key = db.get_one(CampaignKey, row.key_id)
    for each in (row, key):
        row_mac.check(db, each)
    if row.name is not None:
        # A setup link still opens the names that were sealed to its pair.
        check_lasts(db, row)
    return key, box.unwrap(row.wrapped, code_key(code), row.context)


def invited_by(db: Session, code: str) -> Invited | None:
    """Return the account that an invitation makes; ``None`` for a setup link."""
    row = db.scalar(_link(code))
    return Invited(row.name, row.role, row.holder_id) if row and row.name and row.role else None


def consume_link(db: Session, code: str) -> UUID:
    """Delete the wrapping under *code*, so that a logged link opens nothing; return its id.

    Raises:
        WrongKeyError: Another request used it at the same moment, or somebody put it back.
    """
    used = delete(KeyWrapping).where(KeyWrapping.opens_hash == code_hash(code))
    link_id: UUID | None = db.scalar(used.returning(KeyWrapping.id))
    if link_id is None:
        raise WrongKeyError("this link opens nothing: it was used")
    check_unused(db, link_id)
    return link_id


def delete_invitations(db: Session, holder_id: UUID) -> None:
    """Delete the invitations that an organiser made."""
    db.execute(delete(KeyWrapping).where(KeyWrapping.holder_id == holder_id, KeyWrapping.kind == "link"))


def pending_invitations(db: Session, *, now: datetime) -> list[KeyWrapping]:
    """Return the invitations that still open something, the latest first."""
    query = select(KeyWrapping).where(_IS_INVITATION, KeyWrapping.expires_at >= now)
    return list(db.scalars(query.order_by(KeyWrapping.expires_at.desc())))


def delete_invitation(db: Session, invitation_id: UUID) -> Invited | None:
    """Delete an invitation; return what it was for, or ``None`` if it was used or deleted before."""
    deleted = delete(KeyWrapping).where(KeyWrapping.id == invitation_id, _IS_INVITATION)
    row = db.execute(deleted.returning(KeyWrapping.name, KeyWrapping.role)).one_or_none()
    return Invited(row.name, row.role) if row else None


_IS_INVITATION = (KeyWrapping.kind == "link") & KeyWrapping.name.is_not(None)


def _link(code: str) -> Select[KeyWrapping]:
    return select(KeyWrapping).where(KeyWrapping.opens_hash == code_hash(code), KeyWrapping.kind == "link")
