"""Make a reader an organiser: the owner tells a one-time code, and the reader enters it with the passphrase.

The campaign's private key is wrapped under that code, and sealed to the reader's own key only once the
passphrase has opened it: so nobody gets the key who replaced the reader's public key in the database.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.errors import OrganiserError, WrongKeyError
from campaign.organiser import account as accounts
from campaign.organiser import audit_log, session
from campaign.organiser.account import Organiser, Unlocked
from campaign.organiser.login import check_passphrase, own_private_key
from campaign.organiser.role import OWNER, opens_names
from campaign.sealing import box, campaign_key, key_wrapping, row_mac
from campaign.sealing.campaign_key import KeyWrapping
from campaign.sealing.code import code_hash, code_key, new_code
from campaign.sealing.ended_link import check_lasts

KIND = "promotion"

LASTS = timedelta(days=7)


def promote(db: Session, organiser_id: UUID, role: str, *, by: Unlocked, now: datetime) -> str:
    """Return the one-time code with which a reader accepts *role*; it replaces an earlier one.

    Raises:
        RoleError: *by* is not an owner, or no longer one.
        OrganiserError: There is no such reader.
        WrongKeyError: The key of *by* is not the present one.
    """
    found = (each for each in accounts.lock_accounts(db, by=by) if each.id == organiser_id)
    account = next(found, None)
    if account is None or opens_names(account.role) or not opens_names(role):
        raise OrganiserError("there is no such reader")
    key = campaign_key.current_key(db)
    if box.public_half(by.campaign_private_key) != key.public_key:
        raise WrongKeyError("this is not the campaign’s present key: log in again")
    cancel(db, account.id)
    code = new_code()
    row = KeyWrapping(
        key_id=key.id,
        kind=KIND,
        holder_id=account.id,
        opens_hash=code_hash(code),
        role=role,
        name=by.name,
        expires_at=now + LASTS,
    )
    row.wrapped = box.wrap(by.campaign_private_key, code_key(code), row.context)
    campaign_key.add_wrapping(db, row)
    audit_log.record(db, by.name, "promote reader", f"{account.name} → {role}", now=now)
    return code


def pending(db: Session, organiser_id: UUID, *, now: datetime) -> KeyWrapping | None:
    """Return the promotion that waits for this reader's code."""
    row = db.scalar(_of(organiser_id))
    return None if row is None or row.expires_at is None or row.expires_at < now else row


def cancel(db: Session, organiser_id: UUID) -> None:
    """Delete the promotion of a reader, if there is one."""
    promotion = delete(KeyWrapping).where(KeyWrapping.kind == KIND, KeyWrapping.holder_id == organiser_id)
    for each in db.scalars(promotion.returning(KeyWrapping.id)):
        journal.record(db, journal.END_INVITATION, link=each)


def accept(db: Session, organiser_id: UUID, code: str, passphrase: str, *, now: datetime) -> Unlocked:
    """Give a reader the role and the campaign's key; other sessions of the account end.

    Raises:
        WrongKeyError: The passphrase is wrong.
        OrganiserError: The code is wrong or too old, or the owner who told it is an owner no longer.
        AlteredError: Somebody changed account or promotion in the database.
    """
    account, stretched = check_passphrase(db, organiser_id, passphrase)
    own_private = own_private_key(account, stretched)
    everyone = accounts.lock_accounts(db)
    row = pending(db, organiser_id, now=now)
    if row is None or row.opens_hash != code_hash(code) or opens_names(account.role):
        raise OrganiserError("this is not the code of a promotion in use")
    row_mac.check(db, row)
    row_mac.check(db, account)
    if not any(_is_owner(db, each, row.name) for each in everyone):
        raise OrganiserError("the owner who made this promotion is an owner no longer")
    try:
        check_lasts(db, row)
    except WrongKeyError:
        raise OrganiserError("this promotion was used or ended before") from None
    key, private_key = (
        campaign_key.current_key(db),
        box.unwrap(row.wrapped, code_key(code), row.context),
    )
    role = row.role or account.role
    _become(db, account, role, now=now, promotion=row)
    key_wrapping.wrap_for(db, key, private_key, holder_id=account.id, public_key=box.public_half(own_private))
    return Unlocked(account.id, account.name, role, private_key)


def _become(db: Session, account: Organiser, role: str, *, now: datetime, promotion: KeyWrapping) -> None:
    link_id, by = promotion.id, promotion.name
    key_wrapping.delete_wrappings(db, account.id)
    session.end_all(db, account.id)
    about = f"{account.name}: {account.role} → {role}, by {by}"
    account.role = role
    row_mac.sign(db, account)
    audit_log.record(db, account.name, "accept promotion", about, now=now)
    journal.record(db, journal.ACCEPT_PROMOTION, organiser=account.id, link=link_id)


def _is_owner(db: Session, account: Organiser, name: str | None) -> bool:
    return account.name == name and account.role == OWNER and row_mac.is_genuine(db, account)


def _of(organiser_id: UUID) -> Select[KeyWrapping]:
    return select(KeyWrapping).where(KeyWrapping.kind == KIND, KeyWrapping.holder_id == organiser_id)
