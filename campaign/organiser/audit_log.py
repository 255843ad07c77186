"""The audit log: which organiser did what, when, and to what; never a signatory's name."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Select, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base

COMMAND_LINE = "command line"
"""Who the log names for what was done there without an organiser's passphrase."""


class AuditEntry(Base):
    """One act of an organiser; entries are only ever added."""

    __tablename__ = "audit_entry"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    at: Mapped[datetime] = mapped_column(index=True)
    organiser: Mapped[str]
    """The account's name at that moment, or :data:`COMMAND_LINE`."""
    act: Mapped[str] = mapped_column(String(40))
    """A verb and its object, such as ``download list``."""
    about: Mapped[str]
    """A state's code, a delivery's code, a count, an organiser's name: never anything of a signatory."""


def record(db: Session, organiser: str, act: str, about: str = "", *, now: datetime) -> None:
    """Add an entry in the same transaction as the act itself."""
    db.add(AuditEntry(at=now, organiser=organiser, act=act, about=about))


def entries() -> Select[AuditEntry]:
    """Select the whole log, newest first."""
    return select(AuditEntry).order_by(AuditEntry.at.desc(), AuditEntry.id)
