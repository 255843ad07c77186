"""Change a passphrase while logged in."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.errors import WrongKeyError
from campaign.organiser import account as accounts
from campaign.organiser import audit_log, second_factor
from campaign.organiser import passphrase as passphrases
from campaign.organiser import session as sessions
from campaign.organiser.account import OwnKeyPair, Unlocked
from campaign.organiser.login import authenticate_again, own_private_key
from campaign.organiser.second_factor import TypedCode
from campaign.sealing import key_wrapping, row_mac


def change_passphrase(
    db: Session,
    unlocked: Unlocked,
    *,
    present: str,
    code: TypedCode,
    new: str,
    cookie: str,
    about: Iterable[str] = (),
) -> None:
    """Wrap the organiser's key under a new passphrase, and end their other sessions.

    The organiser gets a new pair of their own, so that an earlier copy of the database and the earlier
    passphrase do not open what is sealed to them later. Recovery code and codes from a phone stay.

    Args:
        db: A session without a transaction, since stretching two passphrases takes two seconds.
        unlocked: The organiser.
        present: The present passphrase.
        code: From the phone, for an organiser who uses codes.
        new: The new passphrase.
        cookie: Of the session that stays.
        about: Words that somebody who knows the campaign would try as a passphrase.

    Raises:
        WeakPassphraseError: The new passphrase can be guessed.
        WrongKeyError: The present passphrase or the code is wrong.
    """
    new = passphrases.normalise(new)
    passphrases.check_strength(new, (unlocked.name, *about))
    pair = OwnKeyPair.make(new)
    account, stretched = authenticate_again(db, unlocked.id, present, code)
    salt = account.salt
    accounts.lock_accounts(db)
    if account.salt != salt:
        raise WrongKeyError("the passphrase was changed at the same moment")
    row_mac.check(db, account)
    own_private = own_private_key(account, stretched)
    secret = second_factor.secret(account, stretched)
    accounts.replace_key_pair(db, account, pair)
    key_wrapping.rewrap_for(db, account.id, own_private, account.public_key)
    if secret:
        second_factor.continue_with(db, account, pair.stretched, secret, used=code)
    sessions.end_others(db, account.id, cookie)
    audit_log.record(db, account.name, "change passphrase", now=code.at)
    journal.record(db, journal.CHANGE_PASSPHRASE, organiser=account.id)
