"""The audit log of organisers' actions; it never names a signatory."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.database.table import Base

COMMAND_LINE = "command line"
"""The ``organiser`` of commands that ask for no passphrase."""

WORKER = "worker"
"""The ``organiser`` of what the settings' dates brought about."""


RECORDED = "recorded"
"""The name of the transaction's entries in the ``info`` of its session, to be chained at its end."""


LOOK = "look at names"


class AuditEntry(Base):
    """One action of an organiser; entries are never changed or deleted."""

    __tablename__ = "audit_entry"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    at: Mapped[datetime] = mapped_column(index=True)
    organiser: Mapped[str]
    """The account's name at that time, :data:`COMMAND_LINE` or :data:`WORKER`."""
    act: Mapped[str] = mapped_column(String(40))
    """A verb and its object, such as ``download list``."""
    about: Mapped[str]
    """A state's code, a delivery's code, a count, an organiser's name: never anything of a signatory."""
    number: Mapped[int | None] = mapped_column(unique=True)
    """The place in the chain, from 1 and without gaps; see :mod:`campaign.organiser.audit_chain`."""
    mac: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Over the content and the MAC of the entry before."""


def record(db: Session, organiser: str, act: str, about: str = "", *, now: datetime) -> None:
    """Add an entry, in the transaction of the action itself."""
    entry = AuditEntry(at=now, organiser=organiser, act=act, about=about)
    db.add(entry)
    db.info.setdefault(RECORDED, []).append(entry)


def record_look(db: Session, organiser: str, page: str, number: int, *, now: datetime) -> None:
    """Add an entry that *organiser* saw the names of *number* signatures on *page*."""
    record(db, organiser, LOOK, f"{page}: {number}", now=now)


def entries(db: Session, *, offset: int = 0, limit: int | None = None) -> list[AuditEntry]:
    """Return entries, the newest first."""
    newest_first = select(AuditEntry).order_by(AuditEntry.at.desc(), AuditEntry.number.desc())
    return list(db.scalars(newest_first.offset(offset).limit(limit)))
