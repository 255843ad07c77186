"""Who organises, and as what: changing an account's role, and removing one.

An owner who can open the names always remains; of two who would together remove the last one, the
second is refused. What a person has seen, or copied while the account could open names, no change of
a role takes back.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from campaign.errors import NoAccessLeftError, OrganiserError
from campaign.organiser import audit_log, session
from campaign.organiser.account import Organiser, Unlocked, lock
from campaign.organiser.role import OWNER, READER, opens_names
from campaign.sealing import campaign_key


def change_role(db: Session, organiser_id: UUID, role: str, *, by: Unlocked, now: datetime) -> Organiser:
    """Give an account another role, and with it a wrapping of the campaign's key, or none.

    Who becomes a reader loses every wrapping, recovery code and invitation; who was one gets a
    wrapping, sealed to their own key by the owner who acts. Either way they log in again.

    Raises:
        RoleError: *by* is no owner, or is one no longer.
        NoAccessLeftError: Nobody else could open the names, or let others in.
        OrganiserError: There is no such account.
    """
    accounts = lock(db, by=by)
    account = _found(accounts, organiser_id)
    before = account.role
    if role == before:
        return account
    if before == OWNER or role == READER:
        _check_another_remains(db, accounts, account, role)
    account.role = role
    if before == OWNER:
        campaign_key.withdraw_links(db, account.id)
    if opens_names(before) != opens_names(role):
        _change_holding(db, account, by)
    audit_log.record(db, by.name, "change role", f"{account.name}: {before} → {role}", now=now)
    return account


def remove(db: Session, organiser_id: UUID, *, by: Unlocked | None = None, now: datetime) -> Organiser:
    """Remove an account with its wrappings, invitations and sessions; return what it was.

    Args:
        db: A session that may write.
        organiser_id: Whose account goes.
        by: The owner who removes it; nobody at the command line.
        now: This moment.

    Raises:
        RoleError: *by* is no owner, or is one no longer.
        NoAccessLeftError: Nobody else could open the names, or let others in.
        OrganiserError: There is no such account.
    """
    accounts = lock(db, by=by)
    account = _found(accounts, organiser_id)
    _check_another_remains(db, accounts, account, None)
    campaign_key.let_go(db, account.id)
    session.end_all(db, account.id)
    db.delete(account)
    audit_log.record(db, by.name if by else audit_log.COMMAND_LINE, "remove organiser", account.name, now=now)
    return account


def _change_holding(db: Session, account: Organiser, owner: Unlocked) -> None:
    campaign_key.let_go(db, account.id)
    session.end_all(db, account.id)
    if opens_names(account.role):
        campaign_key.hold(
            db,
            campaign_key.current_key(db),
            owner.campaign_key,
            holder_id=account.id,
            public_key=account.public_key,
        )


def _check_another_remains(
    db: Session, accounts: list[Organiser], leaving: Organiser, role: str | None
) -> None:
    """Refuse when *leaving*, with *role* from now on or gone, is the last who can do what must be done."""
    others = [each for each in accounts if each.id != leaving.id]
    owners = [each for each in others if each.role == OWNER]
    if leaving.role == OWNER and not owners:
        raise NoAccessLeftError(f"{leaving.name} is the last owner: without one, nobody lets others in")
    if role is not None and opens_names(role):
        return
    holders = campaign_key.holders(db)
    heirs = owners if leaving.role == OWNER else others
    if leaving.id in holders and not any(each.id in holders for each in heirs):
        raise NoAccessLeftError(
            f"{leaving.name} holds the last wrapping of the campaign’s key: "
            "without it, nobody opens the names any more"
        )


def _found(accounts: list[Organiser], organiser_id: UUID) -> Organiser:
    account = next((each for each in accounts if each.id == organiser_id), None)
    if account is None:
        raise OrganiserError("there is no such organiser")
    return account
