"""Which rows were changed in the database without the server's key; the doctor and the overview say so."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.delivery.delegation import Delegation
from campaign.disclosure import safety_list
from campaign.letter.edition import altered_editions
from campaign.operations import put_back
from campaign.organiser import organisation
from campaign.organiser.account import Organiser, is_altered
from campaign.sealing import campaign_key, row_mac
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.signature.altered import last_count


def altered(db: Session) -> list[str]:
    """Return what was altered, such as ``safety lists`` or ``organiser Olga``."""
    return list(_altered(db))


def _altered(db: Session) -> Iterator[str]:
    if campaign_key.destroyed_at(db) is not None:
        return  # everything personal was erased, and the server's key may be another
    if campaign_key.is_destruction_forged(db):
        yield "erased, but keys are there"
    yield from _keys(db)
    if safety_list.is_altered(db):
        yield "safety lists"
    if organisation.is_altered(db):
        yield "organisation"
    yield from _rows(db)
    if number := last_count(db):
        yield f"{number} signatures"
    if number := put_back.last_count(db):
        yield f"{number} withdrawn signatures that were put back"


def _rows(db: Session) -> Iterator[str]:
    for organiser in db.scalars(select(Organiser).order_by(Organiser.name)):
        if is_altered(db, organiser):
            yield f"organiser {organiser.name}"
    for delegation in db.scalars(select(Delegation).order_by(Delegation.state_code)):
        if not row_mac.is_genuine(db, delegation):
            yield f"address of {delegation.state_code.upper()}"
    if not all(row_mac.is_genuine(db, wrapping) for wrapping in db.scalars(select(KeyWrapping))):
        yield "invitation, promotion or recovery code"
    for number in altered_editions(db):
        yield f"edition {number} of the letter"


def _keys(db: Session) -> Iterator[str]:
    keys = db.scalars(select(CampaignKey))
    if campaign_key.is_forged(db) or not all(row_mac.is_genuine(db, key) for key in keys):
        yield "campaign key"
    if campaign_key.is_replaced(db, with_restored=False):
        yield "an earlier campaign key was put back"
