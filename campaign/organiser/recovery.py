"""Recovery codes on paper: each has a key pair, to which the campaign's private key is sealed.

So a change of the campaign's pair needs no new codes.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.errors import WrongKeyError
from campaign.organiser import account as accounts
from campaign.organiser import audit_log
from campaign.organiser import passphrase as passphrases
from campaign.organiser.account import Organiser, OwnKeyPair, Unlocked
from campaign.organiser.role import ORGANISER
from campaign.sealing import box, campaign_key, key_wrapping, row_mac
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.sealing.code import RECOVERY_CHARACTERS, code_hash, code_key, new_code
from campaign.sealing.key_wrapping import RECOVERY as KIND

TEST_INTERVAL = timedelta(days=180)
"""After this the organiser is asked to test the code again."""


def make_recovery_code(db: Session, unlocked: Unlocked, *, now: datetime) -> str:
    """Return a new recovery code for this organiser; it replaces the earlier one.

    Raises:
        RoleError: A reader has no key to recover.
    """
    accounts.lock_accounts(db, by=unlocked, least=ORGANISER)
    code = new_code(RECOVERY_CHARACTERS)
    earlier = delete(KeyWrapping).where(KeyWrapping.holder_id == unlocked.id, KeyWrapping.kind == KIND)
    db.execute(earlier)
    key_wrapping.wrap_for_recovery(
        db,
        campaign_key.current_key(db),
        unlocked.campaign_private_key,
        holder_id=unlocked.id,
        opens_hash=code_hash(code),
        public_key=box.public_half(code_key(code)),
    )
    audit_log.record(db, unlocked.name, "make recovery code", now=now)
    journal.record(db, journal.MAKE_RECOVERY_CODE, organiser=unlocked.id)
    return code


def try_recovery_code(db: Session, unlocked: Unlocked, code: str, *, now: datetime) -> None:
    """Check that *code* is this organiser's and opens the current key, and record the test.

    Raises:
        WrongKeyError: It is another code.
    """
    _key, _private, holder_id = _open(db, code)
    if holder_id != unlocked.id:
        raise WrongKeyError("this is not this organiser’s recovery code")
    tried = update(KeyWrapping).where(KeyWrapping.opens_hash == code_hash(code))
    db.execute(tried.values(tested_on=now.date()))
    audit_log.record(db, unlocked.name, "try recovery code", now=now)


def check_code(db: Session, code: str) -> None:
    """Check that *code* is in use, before anything that takes time.

    Raises:
        WrongKeyError: It is not.
    """
    _open(db, code)


def recover(db: Session, code: str, passphrase: str, *, about: Iterable[str] = (), now: datetime) -> Unlocked:
    """Set a new passphrase for the organiser who has this recovery code, and delete the code.

    Codes from a phone are switched off, since the lost passphrase wrapped their secret. A wrong code
    is refused before any stretching: it is too long to be guessed.

    Raises:
        WrongKeyError: No recovery code like this is in use.
        WeakPassphraseError: The passphrase can be guessed.
    """
    _key, _private, holder_id = _open(db, code)
    passphrase = passphrases.normalise(passphrase)
    passphrases.check_strength(passphrase, (db.get_one(Organiser, holder_id).name, *about))
    db.rollback()  # stretching takes a second; no transaction spans it
    pair = OwnKeyPair.make(passphrase)
    accounts.lock_accounts(db)
    key, private_key, holder_id = _open(db, code)
    account = db.get_one(Organiser, holder_id)
    row_mac.check(db, account)
    accounts.replace_key_pair(db, account, pair)
    key_wrapping.delete_wrappings(db, account.id)
    key_wrapping.wrap_for(db, key, private_key, holder_id=account.id, public_key=account.public_key)
    audit_log.record(db, account.name, "recover account", now=now)
    journal.record(db, journal.RECOVER, organiser=account.id)
    return Unlocked(account.id, account.name, account.role, private_key)


def recovery_codes(db: Session) -> dict[UUID, date | None]:
    """Return for each organiser with a recovery code for the current key when it was last tested."""
    query = select(KeyWrapping.holder_id, KeyWrapping.tested_on).join(CampaignKey)
    rows = db.execute(query.where(CampaignKey.is_current, KeyWrapping.kind == KIND))
    return {holder_id: tested_on for holder_id, tested_on in rows if holder_id is not None}


def is_test_due(tested_on: date | None, *, today: date) -> bool:
    """Whether a code that was last tested on this day, or never, should be tested."""
    return tested_on is None or tested_on + TEST_INTERVAL < today


def _open(db: Session, code: str) -> tuple[CampaignKey, bytes, UUID]:
    """Return the current pair, its private key, and the organiser of this recovery code."""
    row = db.scalar(
        select(KeyWrapping).where(KeyWrapping.opens_hash == code_hash(code), KeyWrapping.kind == KIND)
    )
    if row is None or row.holder_id is None:
        raise WrongKeyError("this is not a recovery code in use")
    row_mac.check(db, row)
    key = db.get_one(CampaignKey, row.key_id)
    private_key = box.unseal_bytes(row.wrapped, code_key(code), row.context)
    if not key.is_current or box.public_half(private_key) != key.public_key:
        raise WrongKeyError("this recovery code opens an earlier key")
    return key, private_key, row.holder_id
