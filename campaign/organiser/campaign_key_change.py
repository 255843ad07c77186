"""Change the campaign's key pair, so that who held the earlier one opens nothing that is sealed later.

The change is due when somebody who held the key leaves, or an invitation to it is revoked, and an owner can
make it at any time. It takes an unlocked organiser: so after a removal at the command line, the next one who
logs in makes it.

Each organiser who opens names, and each recovery code, gets the new private key sealed to its public key.
Whatever else wrapped the old one is deleted, invitations too: the one who left may have seen their links.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import delete
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.database.fact import Fact, read_fact, save_fact
from campaign.organiser import audit_log
from campaign.organiser.account import Organiser, Unlocked, is_put_back, lock_accounts
from campaign.organiser.role import ORGANISER, opens_names
from campaign.organiser.session import OrganiserSession
from campaign.sealing import campaign_key, key_succession, key_wrapping, row_mac
from campaign.sealing.row_mac import Authentic

logger = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Authentic)

DUE = "key_change_due"
"""The fact that somebody who held the campaign's key, or a revoked invitation to it, has left, and when."""


def mark_due(db: Session, *, now: datetime) -> None:
    """Record that somebody who held the campaign's key leaves."""
    save_fact(db, DUE, now.isoformat())


def is_due(db: Session) -> bool:
    """Whether somebody who held the campaign's key has left since its last change, or an earlier one is back.

    The journal says so too: in the database it could be deleted.
    """
    return read_fact(db, DUE) is not None or is_due_by_journal(db)


def is_due_by_journal(db: Session) -> bool:
    """Whether the journal has somebody leave after the last change, or no key in force that it replaced."""
    is_left = False
    for act in journal.remembered(db):
        if act["act"] == journal.CHANGE_KEY:
            is_left = False
        is_left |= bool(act.get("held_key"))
    return is_left or campaign_key.is_replaced(db)


def change_if_due(db: Session, by: Unlocked, *, now: datetime) -> Unlocked:
    """Change the campaign's pair if somebody who held it has left; return *by* with the present key.

    Raises:
        ReplacedKeyError: Another organiser changed it at the same moment.
    """
    if not opens_names(by.role) or not is_due(db):
        return by
    return change_campaign_key(db, by, now=now)


def change_campaign_key(db: Session, by: Unlocked, *, now: datetime) -> Unlocked:
    """Make a new pair of the campaign and pass it to all who open names; return *by* with the new key.

    Their sessions end. The boxes are resealed afterwards, in batches; until then both pairs open them.

    Raises:
        RoleError: *by* may not open names any more.
        ReplacedKeyError: The campaign's key was changed since *by* logged in.
    """
    accounts = lock_accounts(db, by=by, least=ORGANISER)
    old, old_private = campaign_key.present_key(db), by.campaign_private_key
    key_wrapping.check_pair(old, old_private)
    holders = key_wrapping.holder_ids(db)
    openers = {
        each.id: each
        for each in _genuine(db, accounts)
        if opens_names(each.role) and each.id in holders and not is_put_back(db, each)
    }
    recovery_codes = _genuine(db, key_wrapping.recovery_wrappings(db, old))
    codes = [each for each in recovery_codes if each.holder_id in openers]
    new, private_key = campaign_key.make_current(db, now=now)
    key_succession.supersede(db, old, old_private, new)
    _wrap_for_all(db, new, private_key, list(openers.values()), codes)
    db.execute(delete(OrganiserSession).where(OrganiserSession.organiser_id.in_(list(openers))))
    db.execute(delete(Fact).where(Fact.name == DUE))
    audit_log.record(db, by.name, "change the campaign's key", now=now)
    db.flush()
    return Unlocked(by.id, by.name, by.role, private_key)


def _genuine(db: Session, rows: Sequence[Row]) -> list[Row]:
    """Leave out rows that were changed in the database: nothing is sealed to a key that they name."""
    found = [row for row in rows if row_mac.is_genuine(db, row)]
    if len(found) < len(rows):
        logger.error(
            "%d rows were changed in the database: they do not get the new key", len(rows) - len(found)
        )
    return found


def _wrap_for_all(
    db: Session,
    key: campaign_key.CampaignKey,
    private_key: bytes,
    openers: list[Organiser],
    codes: list[campaign_key.KeyWrapping],
) -> None:
    for each in openers:
        key_wrapping.wrap_for(db, key, private_key, holder_id=each.id, public_key=each.public_key)
    for code in codes:
        assert code.holder_id is not None
        assert code.opens_hash is not None
        assert code.public_key is not None
        key_wrapping.wrap_for_recovery(
            db,
            key,
            private_key,
            holder_id=code.holder_id,
            opens_hash=code.opens_hash,
            public_key=code.public_key,
            tested_on=code.tested_on,
        )
