"""Joining: the first organiser by the setup link, everyone else by an invitation."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from campaign.database.session import take_setup_lock
from campaign.errors import WrongKeyError
from campaign.organiser import account as accounts
from campaign.organiser import audit_log
from campaign.organiser import passphrase as passphrases
from campaign.organiser.account import OwnPair, Unlocked, any_exist
from campaign.organiser.role import ORGANISER, OWNER, opens_names
from campaign.sealing import campaign_key

INVITATION_LASTS = timedelta(days=7)


def invite(db: Session, owner: Unlocked, role: str = ORGANISER, *, now: datetime) -> str:
    """Return the code of a link, good once and for a week, under which somebody joins with *role*.

    A reader's link wraps nothing: whatever becomes of the link, or of the role noted
    beside it, there is no key under it to be had.

    Raises:
        RoleError: Only an owner invites.
    """
    accounts.lock(db, by=owner)
    code = campaign_key.wrap_under_link(
        db,
        campaign_key.current_key(db),
        owner.campaign_key if opens_names(role) else b"",
        holder_id=owner.id,
        role=role,
        expires_at=now + INVITATION_LASTS,
    )
    audit_log.record(db, owner.name, "invite organiser", role, now=now)
    return code


def join(
    db: Session, code: str, name: str, passphrase: str, *, about: Iterable[str] = (), now: datetime
) -> Unlocked:
    """Make the account that a setup link or an invitation promises.

    The first organiser gets a new campaign key: what was sealed before is resealed to
    it, and the old pair goes, so that the link, wherever it was logged, opens nothing.

    Args:
        db: The session; no transaction should be under way while the passphrase is stretched.
        code: Of the link.
        name: Of the new account.
        passphrase: Chosen by whoever joins.
        about: What somebody who knows the campaign would try as a passphrase.
        now: This moment.

    Raises:
        WrongKeyError: The link was used, or its time is over.
        WeakPassphraseError: The passphrase can be guessed.
        OrganiserError: The name is taken, or none.
    """
    passphrase = passphrases.clean(passphrase)
    passphrases.check(passphrase, (name, *about))
    pair = OwnPair.make(passphrase)
    take_setup_lock(db)  # of two first organisers on two setup links, one is the first
    is_first = not any_exist(db)
    key, private_key = campaign_key.open_link(db, code, now=now)
    if key.is_provisional and not is_first:
        raise WrongKeyError("this setup link is over: there are organisers who can invite")
    role = OWNER if is_first else campaign_key.link_role(db, code) or ORGANISER
    campaign_key.use_up_link(db, code)
    account = accounts.add(db, name, pair, role=role, now=now)
    if is_first:
        lasting, lasting_private = campaign_key.make_lasting(db, now=now)
        campaign_key.hand_over(db, key, private_key, lasting)
        key, private_key = lasting, lasting_private
    audit_log.record(db, account.name, "join", account.role, now=now)
    if not opens_names(account.role):
        return Unlocked(account.id, account.name, account.role, None)
    campaign_key.hold(db, key, private_key, holder_id=account.id, public_key=account.public_key)
    return Unlocked(account.id, account.name, account.role, private_key)
