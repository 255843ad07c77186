"""Taking signatures off the count that are not what they claim to be, and letting held ones count."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from campaign.database import Base

Key = tuple[str, UUID]
"""A signature's key: state code and id."""

BATCH = 500
"""Rows opened, or changed, at once."""


class Invalidation(Base):
    """An organiser's decision that some signatures do not count; it can be undone."""

    __tablename__ = "invalidation"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    made_at: Mapped[datetime] = mapped_column(index=True)
    organiser: Mapped[str]
    key_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaign_key.id"))
    sealed: Mapped[bytes | None]
    """Rule and reason, sealed like names: a domain or a sentence could tell who signed."""
    number: Mapped[int]
    """Signatures that it took off the count, or kept from it."""
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Which signatures are meant: those to which every part applies that is given."""

    state_code: str = ""
    residence: str = ""
    signed_from: date | None = None
    signed_to: date | None = None
    held_for: str = ""
    """One of :data:`HOLDS`, or ``any``: held ones alone."""
    stage: str = ""
    """``pending`` or ``confirmed`` alone; empty for both."""
    domain: str = field(default="", repr=False)
    """Of the mailbox: it lies in the sealed box, so every box has to be opened."""

    @property
    def is_empty(self) -> bool:
        """Whether it would mean every signature there is."""
        return self == Rule(stage=self.stage)
