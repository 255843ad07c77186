"""Logging in: check name, passphrase and code, and unwrap the campaign's private key."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.errors import RefusedCodeError, WrongCodeError, WrongKeyError
from campaign.organiser import passphrase as passphrases
from campaign.organiser import second_factor, wrong_code
from campaign.organiser.account import Organiser, Unlocked, check_account, find_account, own_key_context
from campaign.organiser.role import opens_names
from campaign.organiser.second_factor import TypedCode
from campaign.organiser.wrong_code import BROWSER, KNOWN_BROWSER
from campaign.sealing import box, key_wrapping, passphrase_key

NO_MATCH = "name, passphrase and code do not match"

DUMMY_SALT = b"\0" * 16
"""For names without an account, so that they take the same work."""


def unlock(
    db: Session, name: str, passphrase: str, code: TypedCode | None = None, *, place: str = BROWSER
) -> Unlocked:
    """Return the organiser of this name, with the campaign's private key unless a reader.

    An unknown name, a wrong passphrase, and a wrong, used or missing code take the same work and
    raise errors with the same words. A code is consumed.

    Args:
        db: A session that may write.
        name: Of the account, in any spelling.
        passphrase: As it was typed.
        code: For an account with a second factor.
        place: Where it was typed, see :mod:`campaign.organiser.wrong_code`.

    Raises:
        WrongKeyError: Name, passphrase and code do not belong together, or the code came too early.
        RefusedCodeError: The code alone is wrong; the caller commits, since it is counted.
        AlteredError: The passphrase is right, but the account, or the campaign's key, was changed in the
            database.
    """
    account, stretched = stretch(db, find_account(db, name), passphrase)
    if account is None:
        raise WrongKeyError(NO_MATCH)
    own_private = own_private_key(account, stretched)
    check_account(db, account)
    _check_code(db, account, stretched, code, place=place)
    private_key = key_wrapping.unwrap_for(db, account.id, own_private) if opens_names(account.role) else None
    return Unlocked(account.id, account.name, account.role, private_key)


def check_passphrase(db: Session, organiser_id: UUID, passphrase: str) -> tuple[Organiser, bytes]:
    """Return the account of a logged-in organiser, and the key derived from their passphrase.

    Raises:
        WrongKeyError: The passphrase is wrong.
    """
    account, stretched = stretch(db, db.get(Organiser, organiser_id), passphrase)
    if account is None:
        raise WrongKeyError(NO_MATCH)
    own_private_key(account, stretched)
    check_account(db, account)
    return account, stretched


def authenticate_again(
    db: Session, organiser_id: UUID, passphrase: str, code: TypedCode
) -> tuple[Organiser, bytes]:
    """Check passphrase and code of a logged-in organiser, as :func:`unlock` does; the code is consumed.

    Raises:
        WrongKeyError: One of them is wrong, or the code came too early.
        RefusedCodeError: The code alone is wrong; the caller commits, since it is counted.
    """
    account, stretched = check_passphrase(db, organiser_id, passphrase)
    _check_code(db, account, stretched, code, place=KNOWN_BROWSER)
    return account, stretched


def stretch(db: Session, account: Organiser | None, passphrase: str) -> tuple[Organiser | None, bytes]:
    """Stretch *passphrase* for *account*; without an account, do the same work.

    The transaction ends before. The account is read again afterwards: ``None`` when it was removed
    or got another passphrase meanwhile.
    """
    known = None if account is None else (account.id, account.salt, account.cost)
    db.rollback()
    _id, salt, cost = known or (None, DUMMY_SALT, passphrase_key.COST)
    stretched = passphrase_key.stretch(passphrases.normalise(passphrase), salt, cost)
    if known is None:
        return None, stretched
    return db.scalar(select(Organiser).where(Organiser.id == known[0], Organiser.salt == salt)), stretched


def _check_code(
    db: Session, account: Organiser, stretched: bytes, code: TypedCode | None, *, place: str
) -> None:
    if account.second_factor is None:
        return
    if code is None:
        raise WrongKeyError(NO_MATCH)
    try:
        wrong_code.count_try(db, account, place, now=code.at)
    except WrongCodeError as error:
        raise WrongKeyError(NO_MATCH) from error
    try:
        second_factor.consume_code(db, account, stretched, code)
    except WrongCodeError as error:
        wrong_code.record(db, account, now=code.at)
        raise RefusedCodeError(NO_MATCH) from error
    wrong_code.accept(db, account, place, now=code.at)


def own_private_key(account: Organiser, stretched: bytes) -> bytes:
    """Return the private key of the organiser's own pair.

    Raises:
        WrongKeyError: *stretched* is of another passphrase.
    """
    try:
        return box.unwrap(account.wrapped_private_key, stretched, own_key_context(account.public_key))
    except WrongKeyError as error:
        raise WrongKeyError(NO_MATCH) from error
