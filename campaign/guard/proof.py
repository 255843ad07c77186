"""Proofs of work, each good for one signature."""

from datetime import datetime

from sqlalchemy import LargeBinary, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database import Base


class SpentProof(Base):
    """A proof that was used; forgotten once it would be too old anyway."""

    __tablename__ = "spent_proof"

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


def forget_spent(db: Session, *, now: datetime) -> None:
    """Forget used proofs whose time is over: they are refused for their age."""
    db.execute(delete(SpentProof).where(SpentProof.expires_at < now))
