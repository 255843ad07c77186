"""Organisers' accounts, their own key pairs, and the unlocked organiser."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, LargeBinary, String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database import journal
from campaign.database.table import Base
from campaign.errors import AccountNameError, AlteredError, RoleError
from campaign.organiser import name as names
from campaign.organiser.name import LONGEST_NAME
from campaign.organiser.role import OWNER, reaches
from campaign.sealing import box, passphrase_key, row_mac
from campaign.sealing.argon2 import Cost
from campaign.sealing.row_mac import Authentic


class Organiser(Authentic, Base):
    """An account; the private key of its own pair is wrapped under the organiser's passphrase."""

    __tablename__ = "organiser"
    authentic = (
        "id",
        "name",
        "role",
        "public_key",
        "wrapped_private_key",
        "salt",
        "passes",
        "memory",
        "second_factor",
        "second_factor_used",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME), unique=True)
    role: Mapped[str] = mapped_column(String(10))
    """One of :data:`campaign.organiser.role.ROLES`."""
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    wrapped_private_key: Mapped[bytes]
    salt: Mapped[bytes]
    passes: Mapped[int]
    """Argon2id's passes for :attr:`wrapped_private_key`."""
    memory: Mapped[int]
    """Argon2id's memory for it, in bytes."""
    made_at: Mapped[datetime]
    second_factor: Mapped[bytes | None]
    """The TOTP secret, wrapped under the passphrase."""
    second_factor_used: Mapped[int | None] = mapped_column(BigInteger)
    """The time step of the last code, since each is accepted once."""

    @property
    def cost(self) -> Cost:
        """The cost of stretching this account's passphrase."""
        return Cost(self.passes, self.memory)


@dataclass(frozen=True)
class Unlocked:
    """An organiser whose passphrase was correct, with the campaign's private key."""

    id: UUID
    name: str
    role: str
    private_key: bytes | None = field(repr=False)
    """``None`` for a reader; code that opens boxes reads :attr:`campaign_private_key`."""

    @property
    def campaign_private_key(self) -> bytes:
        """Return the campaign's private key.

        Raises:
            RoleError: A reader has none.
        """
        if self.private_key is None:
            raise RoleError("a reader’s account does not open names")
        return self.private_key


@dataclass(frozen=True)
class OwnKeyPair:
    """A new key pair of an organiser; its private key is wrapped under their passphrase."""

    public_key: bytes
    wrapped_private_key: bytes = field(repr=False)
    salt: bytes
    cost: Cost
    stretched: bytes = field(repr=False)
    """The key that the passphrase gives, under which the private key is wrapped."""

    @classmethod
    def make(cls, passphrase: str) -> "OwnKeyPair":
        """Make a pair for a normalised *passphrase*; it takes a second, so do it outside a transaction."""
        private, public = box.new_pair()
        salt, cost = passphrase_key.new_salt(), passphrase_key.COST
        stretched = passphrase_key.stretch(passphrase, salt, cost)
        wrapped = box.wrap(private, stretched, own_key_context(public))
        return cls(public, wrapped, salt, cost, stretched)


def own_key_context(public_key: bytes) -> str:
    """Return what the wrapping of an organiser's own private key is bound to: its public half."""
    return f"own key {public_key.hex()}"


def any_exist(db: Session) -> bool:
    """Whether there is an organiser."""
    return db.scalar(select(Organiser.id).limit(1)) is not None


def all_accounts(db: Session) -> list[Organiser]:
    """Return the accounts, ordered by name."""
    return list(db.scalars(select(Organiser).order_by(Organiser.name)))


def account_by_id(db: Session, organiser_id: UUID) -> Organiser | None:
    """Return the account with this id, or ``None``."""
    return db.get(Organiser, organiser_id)


def is_put_back(db: Session, account: Organiser) -> bool:
    """Whether the journal says that *account* was removed, or has a lower role: its row was put back."""
    latest = None
    for act in journal.remembered(db):
        if act.get("organiser") == str(account.id) and act["act"] in _OF_ACCOUNTS:
            latest = act
    if latest is None or latest["act"] == journal.ACCEPT_PROMOTION:
        return False
    return latest["act"] == journal.REMOVE_ORGANISER or not reaches(latest["role"], account.role)


def is_altered(db: Session, account: Organiser) -> bool:
    """Whether somebody edited *account* in the database, or put it back."""
    return not row_mac.is_genuine(db, account) or is_put_back(db, account)


def check_account(db: Session, account: Organiser) -> None:
    """Raise if *account* is altered.

    Raises:
        AlteredError: Somebody changed it in the database, or put it back.
    """
    if is_altered(db, account):
        raise AlteredError("an account was changed in the database")


_OF_ACCOUNTS = {journal.REMOVE_ORGANISER, journal.LOWER_ROLE, journal.ACCEPT_PROMOTION}


def find_account(db: Session, name: str) -> Organiser | None:
    """Return the account of this name, in any case and spelling, or ``None``."""
    # The accounts are few, and neither database folds the case of every script.
    wanted = names.fold(name)
    return next((each for each in all_accounts(db) if names.fold(each.name) == wanted), None)


def free_name(db: Session, name: str) -> str:
    """Return *name* as an account may have it; the caller holds a lock against another with the same name.

    Raises:
        AccountNameError: It is taken, looks like another, or is none for an account.
    """
    name = names.clean(name)
    names.check(name)
    for each in all_accounts(db):
        if names.look_alike(name, each.name):
            raise AccountNameError(f"there is an organiser called {each.name} already")
    return name


def lock_accounts(db: Session, *, by: Unlocked | None = None, least: str = OWNER) -> list[Organiser]:
    """Lock all accounts and return their current state, so that changes to them run one after another.

    Args:
        db: A session that may write: SQLite has one writer anyway, PostgreSQL locks the rows.
        by: The organiser who acts; ``None`` at the command line.
        least: The role that *by* must still have once the lock is taken.

    Raises:
        RoleError: *by* does not have that role, or no longer has it.
    """
    query = select(Organiser).order_by(Organiser.id).with_for_update()
    accounts = list(db.scalars(query, execution_options={"populate_existing": True}))
    if by is not None and not any(each.id == by.id and reaches(each.role, least) for each in accounts):
        raise RoleError(f"this takes the role of {least}")
    return accounts


def add_account(db: Session, name: str, pair: OwnKeyPair, *, role: str, now: datetime) -> Organiser:
    """Add an account.

    Raises:
        AccountNameError: The name is taken, looks like another, or is none for an account.
    """
    name = free_name(db, name)
    account = Organiser(id=uuid4(), name=name, role=role, made_at=now)
    replace_key_pair(db, account, pair)
    db.add(account)
    try:
        db.flush()
    except IntegrityError as error:
        raise AccountNameError(f"there is an organiser called {name} already") from error
    return account


def replace_key_pair(db: Session, account: Organiser, pair: OwnKeyPair) -> None:
    """Give *account*, which is new or was found genuine, another pair.

    This switches codes off, whose secret the old passphrase wrapped.
    """
    account.public_key, account.wrapped_private_key = pair.public_key, pair.wrapped_private_key
    account.salt = pair.salt
    account.passes, account.memory = pair.cost
    account.second_factor = account.second_factor_used = None
    row_mac.sign(db, account)
