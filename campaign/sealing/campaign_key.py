"""The campaign's key pairs, the current one above all, and the wrappings of their private keys."""

import hmac
import logging
from datetime import date, datetime
from functools import lru_cache
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, LargeBinary, String, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database import journal
from campaign.database.fact import read_fact
from campaign.database.table import Base
from campaign.errors import ErasedError, ForgedKeyError, NoKeyError
from campaign.sealing import box, row_mac
from campaign.sealing.row_mac import Authentic
from campaign.sealing.server_key import DIGEST_KEY

DESTROYED_AT = "erased_at"
"""The name in the table ``site`` of the time at which every key was destroyed; no key is made after it."""

logger = logging.getLogger(__name__)


class CampaignKey(Authentic, Base):
    """A key pair; signatures are sealed to the public key of the current one."""

    __tablename__ = "campaign_key"
    authentic = ("id", "public_key", "is_current", "is_provisional")
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
    """Made before the first organiser; its private key is wrapped under a setup link."""
    made_at: Mapped[datetime]


class KeyWrapping(Authentic, Base):
    """One wrapping of a pair's private key; a pair without wrappings opens nothing any more."""

    __tablename__ = "key_wrapping"
    authentic = (
        "id",
        "key_id",
        "kind",
        "holder_id",
        "opens_hash",
        "public_key",
        "wrapped",
        "expires_at",
        "role",
        "name",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    key_id: Mapped[UUID] = mapped_column(ForeignKey("campaign_key.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    """``link`` (setup or invitation), ``organiser``, ``recovery``, or ``successor`` (the next pair)."""
    holder_id: Mapped[UUID | None] = mapped_column(index=True)
    """The organiser whose wrapping or invitation this is; empty for setup links and successors."""
    opens_hash: Mapped[bytes | None] = mapped_column(unique=True)
    """For links and recovery codes: the code's hash, which finds the row."""
    public_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """For recovery codes: the public key of the code's own pair, to which a later campaign key is sealed."""
    wrapped: Mapped[bytes]
    expires_at: Mapped[datetime | None]
    role: Mapped[str | None] = mapped_column(String(10))
    """Of an invitation: the role of the new account."""
    name: Mapped[str | None]
    """Of an invitation: the name of the new account, which the owner chose."""
    tested_on: Mapped[date | None]
    """Of a recovery code: when its owner last tested it."""

    @property
    def context(self) -> str:
        """What :attr:`wrapped` is bound to; in another row, or for another role, it does not open."""
        until = self.expires_at.isoformat() if self.expires_at else ""
        return f"{self.kind} {self.key_id} {self.holder_id} {self.role} {until} {self.name}"


_SEALING_KEY = select(
    CampaignKey.id, CampaignKey.public_key, CampaignKey.is_provisional, CampaignKey.mac
).where(CampaignKey.is_current)

_HAS_ORGANISER = select(KeyWrapping.id).where(KeyWrapping.kind == "organiser").limit(1)


def current_key(db: Session) -> CampaignKey:
    """Return the current pair.

    Raises:
        NoKeyError: There is none, so no signature can be taken.
        ForgedKeyError: It was changed in the database, or is an earlier one.
        ErasedError: Every key was destroyed.
    """
    key = present_key(db)
    _check_not_replaced(db, key.id)
    return key


def present_key(db: Session) -> CampaignKey:
    """Return the current pair, also an earlier one that came back: who logs in opens it to change it.

    Raises:
        NoKeyError: There is none.
        ForgedKeyError: It was changed in the database.
        ErasedError: Every key was destroyed.
    """
    key = db.scalar(select(CampaignKey).where(CampaignKey.is_current))
    if key is None:
        raise _no_key(db)
    _check_genuine(db, key)
    return key


def sealing_key(db: Session) -> tuple[UUID, bytes]:
    """Return id and public key of the current pair, without loading a mapped object.

    Raises:
        NoKeyError: There is none, so no signature can be taken.
        ForgedKeyError: It was changed in the database, or is an earlier one.
        ErasedError: Every key was destroyed.
    """
    row = db.connection().execute(_SEALING_KEY).first()
    if row is None:
        raise _no_key(db)
    _check_genuine(db, row)
    _check_not_replaced(db, row.id)
    return row.id, row.public_key


def is_forged(db: Session) -> bool:
    """Whether the current pair was changed in the database, so that no signature is taken."""
    try:
        present_key(db)
    except ForgedKeyError:
        return True
    except NoKeyError:
        return False
    return False


def is_replaced(db: Session, *, with_restored: bool = True) -> bool:
    """Whether the journal says that the current pair was replaced, so that no signature is taken.

    Args:
        db: A session of the site, with its journal.
        with_restored: Also if a restored backup brought it back.
    """
    current = db.scalar(select(CampaignKey.id).where(CampaignKey.is_current))
    return current is not None and str(current) in journal.replaced_keys(db, with_restored=with_restored)


def _check_not_replaced(db: Session, key_id: UUID) -> None:
    if str(key_id) in journal.replaced_keys(db):  # asked for each signature, of a file in memory
        raise ForgedKeyError(
            "the campaign’s key is an earlier one: nothing is sealed to it until it is changed"
        )


def _check_genuine(db: Session, key: Any) -> None:
    mac_key = cast("bytes", db.info[row_mac.KEY])
    if not _is_genuine(mac_key, key.id, key.public_key, key.is_provisional, key.mac) or (
        # The pair of a setup link, which may stand in a log, seals nothing once there is an organiser.
        key.is_provisional and db.scalar(_HAS_ORGANISER) is not None
    ):
        raise ForgedKeyError("the campaign’s public key was changed in the database: nothing is sealed to it")


@lru_cache(maxsize=16)  # asked for each signature
def _is_genuine(mac_key: bytes, key_id: UUID, public_key: bytes, is_provisional: bool, mac: bytes) -> bool:
    key = CampaignKey(id=key_id, public_key=public_key, is_current=True, is_provisional=is_provisional)
    is_good = hmac.compare_digest(mac, row_mac.row_mac(mac_key, key))
    if not is_good:
        logger.error("the campaign's public key was changed in the database: no signature is taken")
    return is_good


def make_current(db: Session, *, is_provisional: bool = False, now: datetime) -> tuple[CampaignKey, bytes]:
    """Make a new current pair; return it with its private key, which the caller has to wrap."""
    private_key, public_key = box.new_pair()
    present = select(CampaignKey).where(CampaignKey.is_current).with_for_update()
    for earlier in db.scalars(present, execution_options={"populate_existing": True}):
        is_good = row_mac.is_genuine(db, earlier)
        earlier.is_current = False
        journal.record(db, journal.CHANGE_KEY, key=earlier.id, is_provisional=earlier.is_provisional)
        if is_good:
            row_mac.sign(db, earlier)
    db.flush()
    key = CampaignKey(
        id=uuid4(), public_key=public_key, is_current=True, is_provisional=is_provisional, made_at=now
    )
    row_mac.sign(db, key)
    db.add(key)
    db.flush()
    return key, private_key


def add_wrapping(db: Session, wrapping: KeyWrapping) -> None:
    """Store a new wrapping, with its MAC."""
    wrapping.id = uuid4()
    row_mac.sign(db, wrapping)
    db.add(wrapping)


def destroyed_at(db: Session) -> datetime | None:
    """Return when every key was destroyed in an emergency; ``None`` while one is left."""
    at = read_fact(db, DESTROYED_AT)
    return datetime.fromisoformat(at) if at and not is_any_left(db) else None


def is_destruction_forged(db: Session) -> bool:
    """Whether the database claims that every key was destroyed, and one is left."""
    return read_fact(db, DESTROYED_AT) is not None and is_any_left(db)


def is_any_left(db: Session) -> bool:
    """Whether a public key, a wrapping or the digests' key is there, whatever the database says."""
    has_key = select(CampaignKey.id).where(CampaignKey.public_key != b"").exists()
    found = db.scalar(select(or_(select(KeyWrapping.id).exists(), has_key)))
    return bool(found) or read_fact(db, DIGEST_KEY) is not None


def _no_key(db: Session) -> NoKeyError:
    if destroyed_at(db) is not None:
        return ErasedError("everything personal was erased: nothing can be sealed or opened any more")
    return NoKeyError("the campaign has no key yet: start it once with `campaign serve`")
