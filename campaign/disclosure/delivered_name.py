"""The names that a delivery would hand over."""

from datetime import date

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from campaign.sealing.campaign_key import CampaignKey
from campaign.signature.model import APPROVED, DELEGATION, PUBLIC, Signature
from campaign.signature.select import counts


def named(since: date | None = None) -> ColumnElement[bool]:
    """Return the condition that the delegation may have the name, if it was given on *since* or later.

    A name meant for the public is delivered only after an organiser approved it.
    """
    return and_(
        counts(),
        true() if since is None else Signature.signed_on >= since,
        Signature.sealed.is_not(None),
        # What an earlier pair's setup link alone opens cannot be printed.
        Signature.key_id.in_(select(CampaignKey.id).where(CampaignKey.is_current)),
        or_(
            Signature.disclosure == DELEGATION,
            and_(Signature.disclosure == PUBLIC, Signature.name_review == APPROVED),
        ),
    )


def count_named(db: Session, state_code: str, since: date | None = None) -> int:
    """Return how many names the list to *state_code* may hold, of those given on *since* or later."""
    query = select(func.count()).select_from(Signature)
    return db.scalar(query.where(Signature.state_code == state_code, named(since))) or 0
