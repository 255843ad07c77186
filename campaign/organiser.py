"""Organisers: their accounts, their key pairs, and how the campaign's key reaches them."""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, LargeBinary, String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column
from xkcdpass import xkcd_password

from campaign import audit, campaign_key, seal
from campaign.campaign_key import CampaignKey
from campaign.database import Base
from campaign.errors import OrganiserError, WrongKeyError

SHORTEST_PASSPHRASE = 15
"""Characters."""

INVITATION_LASTS = timedelta(days=7)


class Organiser(Base):
    """An account; its private key lies wrapped under a passphrase that only its owner knows."""

    __tablename__ = "organiser"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    role: Mapped[str] = mapped_column(String(10))
    """``owner`` or ``organiser``."""
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


@dataclass(frozen=True)
class Unlocked:
    """An organiser whose passphrase was right, with the campaign's private key."""

    id: UUID
    name: str
    role: str
    campaign_key: bytes = field(repr=False)


def offered_passphrase() -> str:
    """Return seven random words: about 90 bits, and nobody has to invent anything."""
    words = xkcd_password.generate_wordlist(xkcd_password.locate_wordfile("eff-long"))
    return str(xkcd_password.generate_xkcdpassword(words, numwords=7))


def any_exist(db: Session) -> bool:
    """Whether the first organiser was made."""
    return db.scalar(select(Organiser.id).limit(1)) is not None


def everyone(db: Session) -> list[Organiser]:
    """Return the accounts by name."""
    return list(db.scalars(select(Organiser).order_by(Organiser.name)))


def join(db: Session, code: str, name: str, passphrase: str, *, now: datetime) -> Unlocked:
    """Make the account that a setup link or an invitation promises.

    The first organiser gets a new campaign key: what was sealed before is resealed to
    it, and the old pair goes, so that the link, wherever it was logged, opens nothing.

    Raises:
        WrongKeyError: The link was used, or its time is over.
        OrganiserError: The name is taken, or name or passphrase will not do.
    """
    is_first = not any_exist(db)
    key, private_key = campaign_key.open_link(db, code, now=now)
    if key.is_provisional and not is_first:
        raise WrongKeyError("this setup link is over: there are organisers who can invite")
    campaign_key.use_up_link(db, code)
    account = _new_account(db, name, passphrase, role="owner" if is_first else "organiser", now=now)
    if is_first:
        lasting, lasting_private = campaign_key.make_lasting(db, now=now)
        campaign_key.hand_over(db, key, private_key, lasting)
        key, private_key = lasting, lasting_private
    campaign_key.hold(db, key, private_key, holder_id=account.id, public_key=account.public_key)
    audit.record(db, account.name, "join", account.role, now=now)
    return Unlocked(account.id, account.name, account.role, private_key)


def unlock(db: Session, name: str, passphrase: str) -> Unlocked:
    """Open the campaign's key with an organiser's name and passphrase.

    An unknown name takes the same work as a wrong passphrase, and the same error.

    Raises:
        WrongKeyError: Name and passphrase do not belong together.
    """
    account = _called(db, name)
    if account is not None:
        db.expunge(account)
    db.rollback()  # no lock or snapshot is held while the passphrase is stretched
    if account is None:
        seal.passphrase_key(_clean_passphrase(passphrase), b"\0" * 16, seal.COST)
        raise WrongKeyError("name and passphrase do not match")
    stretched = seal.passphrase_key(
        _clean_passphrase(passphrase), account.salt, seal.Cost(account.passes, account.memory)
    )
    try:
        own_private = seal.unwrap(account.wrapped_private_key, stretched)
    except WrongKeyError as error:
        raise WrongKeyError("name and passphrase do not match") from error
    wrapping = db.scalar(
        select(campaign_key.KeyWrapping)
        .join(CampaignKey, CampaignKey.id == campaign_key.KeyWrapping.key_id)
        .where(
            CampaignKey.is_current,
            campaign_key.KeyWrapping.holder_id == account.id,
            campaign_key.KeyWrapping.kind == "organiser",
        )
    )
    if wrapping is None:
        raise WrongKeyError("this account holds no wrapping of the campaign's key")
    private_key = seal.unseal_bytes(wrapping.wrapped, own_private)
    return Unlocked(account.id, account.name, account.role, private_key)


def invite(db: Session, owner: Unlocked, *, now: datetime) -> str:
    """Return the code of a link, good once and for a week, under which a new organiser joins."""
    if owner.role != "owner":
        raise OrganiserError("only an owner can invite")
    key = campaign_key.current_key(db)
    code = campaign_key.wrap_under_link(
        db, key, owner.campaign_key, holder_id=owner.id, expires_at=now + INVITATION_LASTS
    )
    audit.record(db, owner.name, "invite organiser", now=now)
    return code


def make_recovery_code(db: Session, unlocked: Unlocked, *, now: datetime) -> str:
    """Return a new recovery code for this organiser, to be shown once; an earlier one is void."""
    key = campaign_key.current_key(db)
    code = campaign_key.set_recovery_code(db, key, unlocked.campaign_key, holder_id=unlocked.id)
    audit.record(db, unlocked.name, "make recovery code", now=now)
    return code


def recover(db: Session, code: str, passphrase: str, *, now: datetime) -> Unlocked:
    """Set a new passphrase for the organiser whose recovery code this is; the code is used up.

    Raises:
        WrongKeyError: It is not a recovery code in use.
        OrganiserError: The passphrase will not do.
    """
    key, private_key, holder_id = campaign_key.open_recovery(db, code)
    account = db.get_one(Organiser, holder_id)
    _set_passphrase(account, passphrase)
    campaign_key.let_go(db, account.id)
    campaign_key.hold(db, key, private_key, holder_id=account.id, public_key=account.public_key)
    audit.record(db, account.name, "recover account", now=now)
    return Unlocked(account.id, account.name, account.role, private_key)


def remove(db: Session, name: str, *, by: str, now: datetime) -> None:
    """Remove an account and its wrappings.

    Raises:
        OrganiserError: There is no such account, or it is the last owner.
    """
    account = _called(db, name)
    if account is None:
        raise OrganiserError(f"there is no organiser called {name}")
    owners = db.scalars(select(Organiser.id).where(Organiser.role == "owner")).all()
    if owners == [account.id]:
        raise OrganiserError(f"{name} is the last owner: without one, nobody opens the names any more")
    campaign_key.let_go(db, account.id)
    db.delete(account)
    audit.record(db, by, "remove organiser", account.name, now=now)


def _called(db: Session, name: str) -> Organiser | None:
    """Return the account of this name, in whatever case; few enough to compare here, in any script."""
    wanted = clean_name(name).casefold()
    return next((each for each in everyone(db) if clean_name(each.name).casefold() == wanted), None)


def clean_name(name: str) -> str:
    """Return *name* as it is stored and compared."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def _new_account(db: Session, name: str, passphrase: str, *, role: str, now: datetime) -> Organiser:
    name = clean_name(name)
    if not 1 <= len(name) <= 80:
        raise OrganiserError("a name has 1 to 80 characters")
    if _called(db, name) is not None:
        raise OrganiserError(f"there is an organiser called {name} already")
    account = Organiser(id=uuid4(), name=name, role=role, made_at=now)
    _set_passphrase(account, passphrase)
    db.add(account)
    try:
        db.flush()
    except IntegrityError as error:
        raise OrganiserError(f"there is an organiser called {name} already") from error
    return account


def _set_passphrase(account: Organiser, passphrase: str) -> None:
    passphrase = _clean_passphrase(passphrase)
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise OrganiserError(f"a passphrase has at least {SHORTEST_PASSPHRASE} characters")
    private, account.public_key = seal.new_pair()
    account.salt, cost = seal.new_salt(), seal.COST
    account.passes, account.memory = cost
    stretched = seal.passphrase_key(passphrase, account.salt, cost)
    account.wrapped_private_key = seal.wrap(private, stretched)


def _clean_passphrase(passphrase: str) -> str:
    # Keyboards differ in how they compose letters, and phones add a space at the end.
    return " ".join(unicodedata.normalize("NFKC", passphrase).split())
