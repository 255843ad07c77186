"""An organiser's account, its key pair, and what an organiser who is logged in holds."""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, LargeBinary, String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base
from campaign.errors import OrganiserError, RoleError
from campaign.organiser.role import OWNER, reaches
from campaign.sealing import box
from campaign.sealing.box import Cost

LONGEST_NAME = 80


class Organiser(Base):
    """An account; its private key lies wrapped under a passphrase that only its owner knows."""

    __tablename__ = "organiser"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME), unique=True)
    role: Mapped[str] = mapped_column(String(10))
    """One of :data:`campaign.organiser.role.ROLES`."""
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    wrapped_private_key: Mapped[bytes]
    salt: Mapped[bytes]
    passes: Mapped[int]
    """Argon2id's passes for this wrapping."""
    memory: Mapped[int]
    """Argon2id's memory for this wrapping, in bytes."""
    made_at: Mapped[datetime]
    second_factor: Mapped[bytes | None]
    """The secret of the codes that a phone shows (TOTP), wrapped under the passphrase."""
    second_factor_used: Mapped[int | None] = mapped_column(BigInteger)
    """The time step of the last code, since each is good for once."""

    @property
    def cost(self) -> Cost:
        """What stretching this account's passphrase takes."""
        return Cost(self.passes, self.memory)


@dataclass(frozen=True)
class Unlocked:
    """An organiser whose passphrase was right, with the campaign's private key unless a reader."""

    id: UUID
    name: str
    role: str
    key: bytes | None = field(repr=False)
    """``None`` for a reader; what opens names asks for :attr:`campaign_key`."""

    @property
    def campaign_key(self) -> bytes:
        """Return the campaign's private key.

        Raises:
            RoleError: A reader has none.
        """
        if self.key is None:
            raise RoleError("a reader’s account does not open names")
        return self.key


@dataclass(frozen=True)
class OwnPair:
    """A new key pair of an organiser, its private half wrapped under their passphrase."""

    public_key: bytes
    wrapped_private_key: bytes = field(repr=False)
    salt: bytes
    cost: Cost

    @classmethod
    def make(cls, passphrase: str) -> "OwnPair":
        """Make a pair for a clean *passphrase*: a second's work, which no transaction should span."""
        private, public = box.new_pair()
        salt, cost = box.new_salt(), box.COST
        return cls(public, box.wrap(private, box.passphrase_key(passphrase, salt, cost)), salt, cost)


def any_exist(db: Session) -> bool:
    """Whether the first organiser was made."""
    return db.scalar(select(Organiser.id).limit(1)) is not None


def everyone(db: Session) -> list[Organiser]:
    """Return the accounts by name."""
    return list(db.scalars(select(Organiser).order_by(Organiser.name)))


def called(db: Session, name: str) -> Organiser | None:
    """Return the account of this name, in whatever case; few enough to compare here, in any script."""
    wanted = folded(name)
    return next((each for each in everyone(db) if folded(each.name) == wanted), None)


def lock(db: Session, *, by: Unlocked | None = None, least: str = OWNER) -> list[Organiser]:
    """Return every account as it is now; of two who change accounts, the second waits for the first.

    Args:
        db: A session that may write: SQLite has one writer anyway, PostgreSQL locks the rows.
        by: Who acts, and must still have the role *least* when it is their turn; nobody at the
            command line.
        least: The role that it takes.

    Raises:
        RoleError: *by* has not that role, or has it no longer.
    """
    query = select(Organiser).order_by(Organiser.id).with_for_update()
    accounts = list(db.scalars(query, execution_options={"populate_existing": True}))
    if by is not None and not any(each.id == by.id and reaches(each.role, least) for each in accounts):
        raise RoleError(f"this takes the role of {least}")
    return accounts


def add(db: Session, name: str, pair: OwnPair, *, role: str, now: datetime) -> Organiser:
    """Add an account.

    Raises:
        OrganiserError: The name is taken, or none.
    """
    name = clean_name(name)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise OrganiserError(f"a name has 1 to {LONGEST_NAME} characters")
    if called(db, name) is not None:
        raise OrganiserError(f"there is an organiser called {name} already")
    account = Organiser(id=uuid4(), name=name, role=role, made_at=now)
    take(account, pair)
    db.add(account)
    try:
        db.flush()
    except IntegrityError as error:
        raise OrganiserError(f"there is an organiser called {name} already") from error
    return account


def take(account: Organiser, pair: OwnPair) -> None:
    """Give *account* another pair; codes from a phone, wrapped under the passphrase before, are over."""
    account.public_key, account.wrapped_private_key = pair.public_key, pair.wrapped_private_key
    account.salt = pair.salt
    account.passes, account.memory = pair.cost
    account.second_factor = account.second_factor_used = None


def clean_name(name: str) -> str:
    """Return *name* as it is stored."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def folded(name: str) -> str:
    """Return what all spellings of *name* that open the same account share."""
    return clean_name(name).casefold()
