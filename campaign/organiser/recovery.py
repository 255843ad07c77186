"""Recovery codes: one more way to the key, on paper; making, trying and using one."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from campaign.errors import WrongKeyError
from campaign.organiser import account as accounts
from campaign.organiser import audit_log
from campaign.organiser import passphrase as passphrases
from campaign.organiser.account import Organiser, OwnPair, Unlocked
from campaign.organiser.role import ORGANISER
from campaign.sealing import box, campaign_key
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.sealing.code import RECOVERY_CHARACTERS, code_hash, code_key, new_code

KIND = "recovery"

RECOVERY_CODE_GROWS_OLD = timedelta(days=180)
"""After which somebody should look whether the paper is still where it was."""


def make_recovery_code(db: Session, unlocked: Unlocked, *, now: datetime) -> str:
    """Return a new recovery code for this organiser, to be shown once; an earlier one is void.

    Raises:
        RoleError: A reader holds no key to be recovered.
    """
    accounts.lock(db, by=unlocked, least=ORGANISER)
    code = new_code(RECOVERY_CHARACTERS)
    earlier = delete(KeyWrapping).where(KeyWrapping.holder_id == unlocked.id, KeyWrapping.kind == KIND)
    db.execute(earlier)
    db.add(
        KeyWrapping(
            key_id=campaign_key.current_key(db).id,
            kind=KIND,
            holder_id=unlocked.id,
            opens_hash=code_hash(code),
            wrapped=box.wrap(unlocked.campaign_key, code_key(code)),
        )
    )
    audit_log.record(db, unlocked.name, "make recovery code", now=now)
    return code


def try_recovery_code(db: Session, unlocked: Unlocked, code: str, *, now: datetime) -> None:
    """Make sure that *code* is this organiser's and opens the present key; it is not used up.

    Raises:
        WrongKeyError: It is not, or it does not.
    """
    _key, _private, holder_id = _open(db, code)
    if holder_id != unlocked.id:
        raise WrongKeyError("this is not this organiser’s recovery code")
    tried = update(KeyWrapping).where(KeyWrapping.opens_hash == code_hash(code))
    db.execute(tried.values(tested_on=now.date()))
    audit_log.record(db, unlocked.name, "try recovery code", now=now)


def recover(db: Session, code: str, passphrase: str, *, about: Iterable[str] = (), now: datetime) -> Unlocked:
    """Set a new passphrase for the organiser whose recovery code this is; the code is used up.

    No codes from a phone are asked for any more: their secret lay under the passphrase that is lost.
    A wrong code costs next to nothing, since it is too long to be guessed.

    Raises:
        WrongKeyError: It is not a recovery code in use.
        WeakPassphraseError: The passphrase can be guessed.
    """
    _key, _private, holder_id = _open(db, code)
    passphrase = passphrases.clean(passphrase)
    passphrases.check(passphrase, (db.get_one(Organiser, holder_id).name, *about))
    db.rollback()  # no lock or snapshot is held while the passphrase is stretched
    pair = OwnPair.make(passphrase)
    accounts.lock(db)
    key, private_key, holder_id = _open(db, code)
    account = db.get_one(Organiser, holder_id)
    accounts.take(account, pair)
    campaign_key.let_go(db, account.id)
    campaign_key.hold(db, key, private_key, holder_id=account.id, public_key=account.public_key)
    audit_log.record(db, account.name, "recover account", now=now)
    return Unlocked(account.id, account.name, account.role, private_key)


def recovery_codes(db: Session) -> dict[UUID, date | None]:
    """Return whose recovery codes open the present key, and when each was last tried."""
    query = select(KeyWrapping.holder_id, KeyWrapping.tested_on).join(CampaignKey)
    rows = db.execute(query.where(CampaignKey.is_current, KeyWrapping.kind == KIND))
    return {holder_id: tested_on for holder_id, tested_on in rows if holder_id is not None}


def is_due(tested_on: date | None, *, today: date) -> bool:
    """Whether a code that was last tried on this day, or never, should be tried again."""
    return tested_on is None or tested_on + RECOVERY_CODE_GROWS_OLD < today


def _open(db: Session, code: str) -> tuple[CampaignKey, bytes, UUID]:
    """Return the current pair under a recovery code, its private half, and whose code it is."""
    row = db.scalar(
        select(KeyWrapping).where(KeyWrapping.opens_hash == code_hash(code), KeyWrapping.kind == KIND)
    )
    if row is None or row.holder_id is None:
        raise WrongKeyError("this is not a recovery code in use")
    key, private_key = db.get_one(CampaignKey, row.key_id), box.unwrap(row.wrapped, code_key(code))
    if not key.is_current or box.public_half(private_key) != key.public_key:
        raise WrongKeyError("this recovery code opens an earlier key")
    return key, private_key, row.holder_id
