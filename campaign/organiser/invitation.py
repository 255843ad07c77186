"""New accounts: the first one with the setup link, later ones with invitations."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.database.session import take_setup_lock
from campaign.errors import WrongKeyError
from campaign.organiser import account as accounts
from campaign.organiser import audit_log, campaign_key_change
from campaign.organiser import passphrase as passphrases
from campaign.organiser.account import OwnKeyPair, Unlocked, any_exist
from campaign.organiser.role import ORGANISER, OWNER, opens_names
from campaign.sealing import campaign_key, key_succession, key_wrapping, link_wrapping
from campaign.sealing.link_wrapping import Invited

INVITATION_LASTS = timedelta(days=7)


def invite(db: Session, owner: Unlocked, name: str, role: str = ORGANISER, *, now: datetime) -> str:
    """Return the code of a one-time invitation for an account with *name* and *role*; it is valid for a week.

    A reader's invitation wraps no key, so that no change of the stored role gives access to names.

    Raises:
        RoleError: Only an owner invites.
        AccountNameError: The name is taken, looks like another, or is none for an account.
    """
    accounts.lock_accounts(db, by=owner)
    invited = Invited(accounts.free_name(db, name), role)
    code = link_wrapping.wrap_under_link(
        db,
        campaign_key.current_key(db),
        owner.campaign_private_key if opens_names(role) else b"",
        holder_id=owner.id,
        invited=invited,
        expires_at=now + INVITATION_LASTS,
    )
    audit_log.record(db, owner.name, "invite organiser", f"{invited.name}: {role}", now=now)
    return code


@dataclass(frozen=True)
class Pending:
    """An invitation that was not used."""

    id: UUID
    name: str | None
    role: str | None
    made_by: str
    expires_at: datetime | None


def pending(db: Session, *, now: datetime) -> list[Pending]:
    """Return the invitations that still make an account, the latest first."""
    names = {each.id: each.name for each in accounts.all_accounts(db)}
    return [
        Pending(
            row.id, row.name, row.role, names.get(row.holder_id, "") if row.holder_id else "", row.expires_at
        )
        for row in link_wrapping.pending_invitations(db, now=now)
    ]


def revoke(db: Session, owner: Unlocked, invitation_id: UUID, *, now: datetime) -> bool:
    """Make an invitation useless; return whether it still was one.

    If it wrapped the campaign's key, that is changed as when somebody leaves.

    Raises:
        RoleError: Only an owner revokes.
    """
    accounts.lock_accounts(db, by=owner)
    invited = link_wrapping.delete_invitation(db, invitation_id)
    if invited is None:
        return False
    audit_log.record(db, owner.name, "revoke invitation", f"{invited.name}: {invited.role}", now=now)
    # Its code and a copy of the database from then would open the names.
    held_key = opens_names(invited.role)
    if held_key:
        campaign_key_change.mark_due(db, now=now)
    journal.record(db, journal.END_INVITATION, link=invitation_id, held_key=held_key)
    return True


def join(
    db: Session, code: str, passphrase: str, *, name: str = "", about: Iterable[str] = (), now: datetime
) -> Unlocked:
    """Make an account with the code of a setup link or an invitation.

    The first organiser gets a new campaign key: the earlier boxes are resealed to it, and the
    old pair is deleted, so that a setup link that was logged somewhere opens nothing.

    Args:
        db: A session without a transaction, since stretching the passphrase takes a second.
        code: Of the link.
        passphrase: As the new organiser typed it.
        name: Of the first account; of others the owner who invites chooses the name.
        about: Words that somebody who knows the campaign would try as a passphrase.
        now: The present time.

    Raises:
        WrongKeyError: The link was used, or has expired.
        WeakPassphraseError: The passphrase can be guessed.
        AccountNameError: The name is taken, looks like another, or is none for an account.
    """
    passphrase = passphrases.normalise(passphrase)
    passphrases.check_strength(passphrase, (name, *about))
    pair = OwnKeyPair.make(passphrase)
    take_setup_lock(db)  # of two first organisers on two setup links, one is the first
    is_first = not any_exist(db)
    key, private_key = link_wrapping.unwrap_link(db, code, now=now)
    invited = link_wrapping.invited_by(db, code)
    if is_first == (invited is not None):
        # An invitation makes no first owner: somebody may have deleted the organisers in the database.
        raise WrongKeyError("this link opens nothing: a setup link makes the first organiser, and no other")
    if invited is not None:
        _check_inviter(db, invited)
    link_id = link_wrapping.consume_link(db, code)
    name, role = (invited.name, invited.role) if invited else (name, OWNER)
    account = accounts.add_account(db, name, pair, role=role, now=now)
    if is_first:
        lasting, lasting_private = campaign_key.make_current(db, now=now)
        key_succession.supersede(db, key, private_key, lasting)
        key, private_key = lasting, lasting_private
    audit_log.record(db, account.name, "join", account.role, now=now)
    journal.record(db, journal.JOIN, link=link_id)
    if not opens_names(account.role):
        return Unlocked(account.id, account.name, account.role, None)
    key_wrapping.wrap_for(db, key, private_key, holder_id=account.id, public_key=account.public_key)
    return Unlocked(account.id, account.name, account.role, private_key)


def _check_inviter(db: Session, invited: Invited) -> None:
    inviter = accounts.account_by_id(db, invited.holder_id) if invited.holder_id else None
    if inviter is None or inviter.role != OWNER or accounts.is_altered(db, inviter):
        # Such an invitation was deleted when its owner left: somebody put it back in the database.
        raise WrongKeyError("this link opens nothing: who invited is an owner no longer")
