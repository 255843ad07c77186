"""The names that a delivery may contain."""

from datetime import date

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true
from sqlalchemy.orm import Session

from campaign.sealing.campaign_key import CampaignKey
from campaign.signature.model import APPROVED, DELEGATION, PUBLIC, Signature
from campaign.signature.select import counts


def has_deliverable_name(since: date | None = None) -> ColumnElement[bool]:
    """Return the condition that a delivery may contain the name.

    Args:
        since: The day since which the delegation gets names again, if it once got none.
    """
    return and_(has_name_to_deliver(), ~is_promised_to_organisers(since))


def is_promised_to_organisers(since: date | None = None) -> ColumnElement[bool]:
    """Return the condition that the form promised that only organisers would see the name."""
    return or_(
        Signature.organisers_only.is_(true()), false() if since is None else Signature.signed_on < since
    )


def has_name_to_deliver() -> ColumnElement[bool]:
    """Return the condition that there is a name for the delegation, unless it was promised to organisers.

    A public name is delivered only after an organiser approved it.
    """
    return and_(
        counts(),
        Signature.sealed.is_not(None),
        # A box of an earlier pair cannot be opened, so its name cannot be printed.
        Signature.key_id.in_(select(CampaignKey.id).where(CampaignKey.is_current)),
        or_(
            Signature.disclosure == DELEGATION,
            and_(Signature.disclosure == PUBLIC, Signature.name_review == APPROVED),
        ),
    )


def count_deliverable_names(db: Session, state_code: str, since: date | None = None) -> int:
    """Return how many names a list to *state_code* may contain, of those given on *since* or later."""
    query = select(func.count()).select_from(Signature)
    return db.scalar(query.where(Signature.state_code == state_code, has_deliverable_name(since))) or 0
