"""Change the role of an account, and remove accounts.

One owner with access to the names always remains, also when two requests arrive at the same time. A
change of role does not take back what the organiser has seen or copied before.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.errors import NoAccessLeftError, OrganiserError
from campaign.organiser import audit_log, campaign_key_change, session
from campaign.organiser.account import Organiser, Unlocked, lock_accounts
from campaign.organiser.role import OWNER, READER, opens_names
from campaign.sealing import key_wrapping, link_wrapping, row_mac


def change_role(
    db: Session, organiser_id: UUID, role: str, *, by: Unlocked | None, now: datetime
) -> Organiser:
    """Give an account another role.

    An account that becomes a reader loses its wrappings, recovery code and invitations, and has to
    log in again. A reader becomes more only by accepting it: see :mod:`campaign.organiser.promotion`.
    A restoration lowers roles without an owner.

    Raises:
        RoleError: *by* is not an owner, or no longer one.
        NoAccessLeftError: Nobody else can open the names, or invite others.
        OrganiserError: There is no such account, or it is a reader's.
        AlteredError: Somebody changed the account in the database.
    """
    accounts = lock_accounts(db, by=by)
    account = _found(accounts, organiser_id)
    before = account.role
    if role == before:
        return account
    if not opens_names(before):
        raise OrganiserError("a reader has to accept another role")
    row_mac.check(db, account)
    if before == OWNER or role == READER:
        _check_another_remains(db, accounts, account, role)
    account.role = role
    row_mac.sign(db, account)
    held_key = not opens_names(role)
    journal.record(db, journal.LOWER_ROLE, organiser=account.id, role=role, held_key=held_key)
    if before == OWNER:
        link_wrapping.delete_invitations(db, account.id)
    if not opens_names(role):
        key_wrapping.delete_wrappings(db, account.id)
        session.end_all(db, account.id)
        campaign_key_change.mark_due(db, now=now)
    about = f"{account.name}: {before} → {role}"
    audit_log.record(db, by.name if by else audit_log.COMMAND_LINE, "change role", about, now=now)
    return account


def remove(db: Session, organiser_id: UUID, *, by: Unlocked | None = None, now: datetime) -> Organiser:
    """Remove an account with its wrappings, invitations and sessions, and return it.

    Args:
        db: A session that may write.
        organiser_id: The account.
        by: The owner who removes it; ``None`` at the command line.
        now: The present time.

    Raises:
        RoleError: *by* is not an owner, or no longer one.
        NoAccessLeftError: Nobody else can open the names, or invite others.
        OrganiserError: There is no such account.
    """
    accounts = lock_accounts(db, by=by)
    account = _found(accounts, organiser_id)
    _check_another_remains(db, accounts, account, None)
    key_wrapping.delete_wrappings(db, account.id)
    if opens_names(account.role):
        campaign_key_change.mark_due(db, now=now)
    db.delete(account)  # and with it its sessions
    held_key = opens_names(account.role)
    journal.record(db, journal.REMOVE_ORGANISER, organiser=account.id, held_key=held_key)
    audit_log.record(db, by.name if by else audit_log.COMMAND_LINE, "remove organiser", account.name, now=now)
    return account


def _check_another_remains(
    db: Session, accounts: list[Organiser], leaving: Organiser, role: str | None
) -> None:
    """Refuse if without *leaving*, or with its new *role*, nobody could open the names or invite others."""
    others = [each for each in accounts if each.id != leaving.id]
    owners = [each for each in others if each.role == OWNER]
    if leaving.role == OWNER and not owners:
        raise NoAccessLeftError(f"{leaving.name} is the last owner: without one, nobody lets others in")
    if role is not None and opens_names(role):
        return
    holders = key_wrapping.holder_ids(db)
    heirs = owners if leaving.role == OWNER else others
    if leaving.id in holders and not any(each.id in holders for each in heirs):
        raise NoAccessLeftError(
            f"{leaving.name} has the last wrapping of the campaign’s key: "
            "without it, nobody opens the names any more"
        )


def _found(accounts: list[Organiser], organiser_id: UUID) -> Organiser:
    account = next((each for each in accounts if each.id == organiser_id), None)
    if account is None:
        raise OrganiserError("there is no such organiser")
    return account
