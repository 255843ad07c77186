"""How many names a change of the safety lists would affect."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.signature.model import Signature
from campaign.signature.select import counts


def count_sealed_names(db: Session, state_code: str) -> int:
    """Return how many signatures of the letter to *state_code* have a sealed name."""
    query = select(func.count()).select_from(Signature)
    return (
        db.scalar(query.where(Signature.state_code == state_code, counts(), Signature.sealed.is_not(None)))
        or 0
    )


def count_published_names(db: Session, residence: str) -> int:
    """Return how many names of residents of *residence* are published."""
    query = select(func.count()).select_from(Signature)
    return db.scalar(query.where(Signature.residence == residence, Signature.public_name.is_not(None))) or 0
