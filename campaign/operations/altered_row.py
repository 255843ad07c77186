"""Which rows were changed in the database without the server's key; the doctor and the overview say so.

A finding is a kind, which the overview has in the reader's language, and what fills it in.
"""

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

Finding = tuple[str, str]

SIGNATURES, PUT_BACK = "%s signatures", "%s withdrawn signatures that were put back"
ORGANISER, ADDRESS, EDITION = "organiser %s", "address of %s", "edition %s of the letter"
ERASED, LISTS, ORGANISATION = "erased, but keys are there", "safety lists", "organisation"
WRAPPING, KEY = "invitation, promotion or recovery code", "campaign key"
EARLIER_KEY = "an earlier campaign key was put back"


def altered(db: Session) -> list[str]:
    """Return what was altered, such as ``safety lists`` or ``organiser Olga``."""
    return [kind % about if about else kind for kind, about in findings(db)]


def findings(db: Session) -> Iterator[Finding]:
    """Yield what was altered: the kind, and the name, code or number that belongs to it."""
    if campaign_key.destroyed_at(db) is not None:
        return  # everything personal was erased, and the server's key may be another
    if campaign_key.is_destruction_forged(db):
        yield ERASED, ""
    yield from _keys(db)
    if safety_list.is_altered(db):
        yield LISTS, ""
    if organisation.is_altered(db):
        yield ORGANISATION, ""
    yield from _rows(db)
    if number := last_count(db):
        yield SIGNATURES, str(number)
    if number := put_back.last_count(db):
        yield PUT_BACK, str(number)


def _rows(db: Session) -> Iterator[Finding]:
    for organiser in db.scalars(select(Organiser).order_by(Organiser.name)):
        if is_altered(db, organiser):
            yield ORGANISER, organiser.name
    for delegation in db.scalars(select(Delegation).order_by(Delegation.state_code)):
        if not row_mac.is_genuine(db, delegation):
            yield ADDRESS, delegation.state_code.upper()
    if not all(row_mac.is_genuine(db, wrapping) for wrapping in db.scalars(select(KeyWrapping))):
        yield WRAPPING, ""
    for number in altered_editions(db):
        yield EDITION, str(number)


def _keys(db: Session) -> Iterator[Finding]:
    keys = db.scalars(select(CampaignKey))
    if campaign_key.is_forged(db) or not all(row_mac.is_genuine(db, key) for key in keys):
        yield KEY, ""
    if campaign_key.is_replaced(db, with_restored=False):
        yield EARLIER_KEY, ""
