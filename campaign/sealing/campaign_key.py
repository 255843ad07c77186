"""The campaign's key pair: who holds a wrapping of its private half, and how one pair follows another."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, LargeBinary, Select, String, delete, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.fact import read_fact
from campaign.database.table import Base
from campaign.errors import ErasedError, NoKeyError, WrongKeyError
from campaign.sealing import box
from campaign.sealing.code import code_hash, code_key, new_code

DESTROYED_AT = "erased_at"
"""The mark in ``site`` that everything personal was erased; no key is made after it."""


class CampaignKey(Base):
    """A key pair; names are sealed to the public half of the current one."""

    __tablename__ = "campaign_key"
    __table_args__ = (
        Index(
            "uq_campaign_key_current",
            "is_current",
            unique=True,
            sqlite_where=text("is_current"),
            postgresql_where=text("is_current"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    is_current: Mapped[bool]
    is_provisional: Mapped[bool]
    """Made before there was an organiser; its private half lies under a setup link."""
    made_at: Mapped[datetime]


class KeyWrapping(Base):
    """One way to the private half of a pair; without any, what is sealed stays sealed."""

    __tablename__ = "key_wrapping"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    key_id: Mapped[UUID] = mapped_column(ForeignKey("campaign_key.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    """``link`` (setup or invitation), ``organiser``, ``recovery``, or ``successor`` (the next pair)."""
    holder_id: Mapped[UUID | None] = mapped_column(index=True)
    """The organiser whose wrapping or invitation this is; empty for setup links and successors."""
    opens_hash: Mapped[bytes | None] = mapped_column(unique=True)
    """For links and recovery codes: the code's hash, to find the row."""
    wrapped: Mapped[bytes]
    expires_at: Mapped[datetime | None]
    role: Mapped[str | None] = mapped_column(String(10))
    """Of an invitation: the role of the account that it makes."""
    tested_on: Mapped[date | None]
    """Of a recovery code: when its owner last tried it."""


_SEALING_KEY = select(CampaignKey.id, CampaignKey.public_key).where(CampaignKey.is_current)


def current_key(db: Session) -> CampaignKey:
    """Return the pair that names are sealed to.

    Raises:
        NoKeyError: There is none, so no signature can be taken.
        ErasedError: Every key was destroyed.
    """
    key = db.scalar(select(CampaignKey).where(CampaignKey.is_current))
    if key is None:
        raise _no_key(db)
    return key


def sealing_key(db: Session) -> tuple[UUID, bytes]:
    """Return id and public half of the current pair, for what seals alone.

    Raises:
        NoKeyError: There is none, so no signature can be taken.
        ErasedError: Every key was destroyed.
    """
    row = db.connection().execute(_SEALING_KEY).first()
    if row is None:
        raise _no_key(db)
    return row.id, row.public_key


def make_provisional(db: Session, *, now: datetime) -> str:
    """Make a pair before there is an organiser; return the code of the setup link that holds it.

    An earlier provisional pair stays, under its own link, for what was sealed to it.
    """
    private, public = box.new_pair()
    key = _succeed(db, public, provisional=True, now=now)
    return wrap_under_link(db, key, private)


def make_lasting(db: Session, *, now: datetime) -> tuple[CampaignKey, bytes]:
    """Make the pair that organisers will hold; return it with its private half."""
    private, public = box.new_pair()
    return _succeed(db, public, provisional=False, now=now), private


def wrap_under_link(
    db: Session,
    key: CampaignKey,
    private_key: bytes,
    *,
    holder_id: UUID | None = None,
    role: str | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Wrap *private_key*, or nothing, under a new one-time code, and return the code.

    An invitation goes with *holder_id*, the organiser who made it, and names the role of who joins.
    """
    code = new_code()
    db.add(
        KeyWrapping(
            key_id=key.id,
            kind="link",
            holder_id=holder_id,
            opens_hash=code_hash(code),
            wrapped=box.wrap(private_key, code_key(code)),
            role=role,
            expires_at=expires_at,
        )
    )
    db.flush()
    return code


def open_link(db: Session, code: str, *, now: datetime) -> tuple[CampaignKey, bytes]:
    """Return the pair under a setup link or an invitation, with its private half.

    Raises:
        WrongKeyError: No link has this code, or it was used, or its time is over.
    """
    row = db.scalar(_link(code))
    if row is None or (row.expires_at and row.expires_at < now):
        raise WrongKeyError("this link opens nothing: it was used, or its time is over")
    key = db.get_one(CampaignKey, row.key_id)
    return key, box.unwrap(row.wrapped, code_key(code))


def link_role(db: Session, code: str) -> str | None:
    """Return the role that an invitation names; ``None`` for a setup link."""
    row = db.scalar(_link(code))
    return row.role if row else None


def use_up_link(db: Session, code: str) -> None:
    """Delete the wrapping under *code*: a link that stood in a log opens nothing.

    Raises:
        WrongKeyError: Somebody else used it at the same moment.
    """
    used = delete(KeyWrapping).where(KeyWrapping.opens_hash == code_hash(code))
    if db.scalar(used.returning(KeyWrapping.id)) is None:
        raise WrongKeyError("this link opens nothing: it was used")


def hold(db: Session, key: CampaignKey, private_key: bytes, *, holder_id: UUID, public_key: bytes) -> None:
    """Give the holder of *public_key* a wrapping of their own.

    Raises:
        WrongKeyError: *private_key* is not *key*'s, which would be found out when it is too late.
    """
    if box.public_half(private_key) != key.public_key:
        raise WrongKeyError("this is not the campaign’s present key: log in again")
    db.add(
        KeyWrapping(
            key_id=key.id,
            kind="organiser",
            holder_id=holder_id,
            wrapped=box.seal_bytes(private_key, public_key),
        )
    )


def open_held(db: Session, holder_id: UUID, own_private: bytes) -> bytes:
    """Return the current pair's private half, with the private key of an organiser who holds a wrapping.

    Raises:
        WrongKeyError: They hold none.
    """
    wrapped = db.scalar(_held().where(KeyWrapping.holder_id == holder_id))
    if wrapped is None:
        raise WrongKeyError("this account holds no wrapping of the campaign's key")
    return box.unseal_bytes(wrapped.wrapped, own_private)


def holders(db: Session) -> set[UUID]:
    """Return which organisers hold a wrapping of the current pair; recovery codes do not count."""
    return {each.holder_id for each in db.scalars(_held()) if each.holder_id is not None}


def let_go(db: Session, holder_id: UUID) -> None:
    """Delete every wrapping that *holder_id* has, recovery codes and invitations included."""
    db.execute(delete(KeyWrapping).where(KeyWrapping.holder_id == holder_id))


def withdraw_links(db: Session, holder_id: UUID) -> None:
    """Delete the invitations that *holder_id* made."""
    db.execute(delete(KeyWrapping).where(KeyWrapping.holder_id == holder_id, KeyWrapping.kind == "link"))


def hand_over(db: Session, old: CampaignKey, old_private: bytes, new: CampaignKey) -> None:
    """Leave the way to *old* to the holders of *new* alone; its links open nothing from now on.

    What is sealed to *old* is resealed afterwards, in batches, by whoever holds *new*;
    an interruption loses nothing, since the way from *new* to *old* is in the database.
    """
    db.execute(delete(KeyWrapping).where(KeyWrapping.key_id == old.id))
    db.add(KeyWrapping(key_id=old.id, kind="successor", wrapped=box.seal_bytes(old_private, new.public_key)))
    db.flush()


def superseded(db: Session, private_key: bytes) -> list[tuple[CampaignKey, bytes]]:
    """Return the earlier pairs that the current private key opens: their boxes wait to be resealed."""
    rows = db.scalars(select(KeyWrapping).where(KeyWrapping.kind == "successor")).all()
    return [(db.get_one(CampaignKey, r.key_id), box.unseal_bytes(r.wrapped, private_key)) for r in rows]


def forget_empty(db: Session, is_used: Callable[[UUID], bool]) -> None:
    """Delete earlier pairs that nothing is sealed to any more."""
    for key in db.scalars(select(CampaignKey).where(CampaignKey.is_current.is_(False))):
        if not is_used(key.id):
            # Somebody may be signing under it at this moment; then it goes another time.
            with suppress(IntegrityError), db.begin_nested():
                db.execute(delete(CampaignKey).where(CampaignKey.id == key.id))


def _link(code: str) -> Select[KeyWrapping]:
    return select(KeyWrapping).where(KeyWrapping.opens_hash == code_hash(code), KeyWrapping.kind == "link")


def _held() -> Select[KeyWrapping]:
    current = select(CampaignKey.id).where(CampaignKey.is_current)
    return select(KeyWrapping).where(KeyWrapping.kind == "organiser", KeyWrapping.key_id.in_(current))


def destroyed_at(db: Session) -> datetime | None:
    """Return when every key was destroyed, or ``None``."""
    at = read_fact(db, DESTROYED_AT)
    return datetime.fromisoformat(at) if at else None


def _no_key(db: Session) -> NoKeyError:
    if destroyed_at(db) is not None:
        return ErasedError("everything personal was erased: nothing can be sealed or opened any more")
    return NoKeyError("the campaign has no key yet: start it once with `campaign serve`")


def _succeed(db: Session, public_key: bytes, *, provisional: bool, now: datetime) -> CampaignKey:
    db.execute(update(CampaignKey).where(CampaignKey.is_current).values(is_current=False))
    key = CampaignKey(public_key=public_key, is_current=True, is_provisional=provisional, made_at=now)
    db.add(key)
    db.flush()
    return key
