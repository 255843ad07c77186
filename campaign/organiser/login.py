"""Showing that one is an organiser, with name, passphrase and perhaps a code; and what that opens."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.errors import WrongCodeError, WrongKeyError
from campaign.organiser import passphrase as passphrases
from campaign.organiser import second_factor
from campaign.organiser.account import Organiser, Unlocked, called
from campaign.organiser.role import opens_names
from campaign.organiser.second_factor import TypedCode
from campaign.sealing import box, campaign_key

NO_MATCH = "name, passphrase and code do not match"

NOBODYS_SALT = b"\0" * 16


def unlock(db: Session, name: str, passphrase: str, code: TypedCode | None = None) -> Unlocked:
    """Open the campaign's key with an organiser's name and passphrase, and a code where one is asked for.

    An unknown name, a wrong passphrase, a wrong code, a used and a missing one take the same work,
    and get the same error. A reader is let in without the key.

    Raises:
        WrongKeyError: Name, passphrase and code do not belong together.
    """
    account, stretched = stretch(db, called(db, name), passphrase)
    if account is None:
        raise WrongKeyError(NO_MATCH)
    own_private = _open(account, stretched)
    if account.second_factor is not None:
        if code is None:
            raise WrongKeyError(NO_MATCH)
        try:
            second_factor.use(db, account, stretched, code)
        except WrongCodeError as error:
            raise WrongKeyError(NO_MATCH) from error
    private_key = campaign_key.open_held(db, account.id, own_private) if opens_names(account.role) else None
    return Unlocked(account.id, account.name, account.role, private_key)


def check_passphrase(db: Session, organiser_id: UUID, passphrase: str) -> tuple[Organiser, bytes]:
    """Return the account of who is logged in, and the key from their passphrase, typed once more.

    Raises:
        WrongKeyError: It is not their passphrase.
    """
    account, stretched = stretch(db, db.get(Organiser, organiser_id), passphrase)
    if account is None:
        raise WrongKeyError(NO_MATCH)
    _open(account, stretched)
    return account, stretched


def stretch(db: Session, account: Organiser | None, passphrase: str) -> tuple[Organiser | None, bytes]:
    """Stretch *passphrase* as for *account*, or for nobody with the same work.

    No lock or snapshot is held meanwhile. The account comes back as it is afterwards:
    ``None`` when it was removed, or got another passphrase.
    """
    known = None if account is None else (account.id, account.salt, account.cost)
    db.rollback()
    _id, salt, cost = known or (None, NOBODYS_SALT, box.COST)
    stretched = box.passphrase_key(passphrases.clean(passphrase), salt, cost)
    if known is None:
        return None, stretched
    return db.scalar(select(Organiser).where(Organiser.id == known[0], Organiser.salt == salt)), stretched


def _open(account: Organiser, stretched: bytes) -> bytes:
    try:
        return box.unwrap(account.wrapped_private_key, stretched)
    except WrongKeyError as error:
        raise WrongKeyError(NO_MATCH) from error
