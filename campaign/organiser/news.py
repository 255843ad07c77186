"""What happened to accounts since an organiser last logged in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from campaign.organiser import wrong_code
from campaign.organiser.audit_log import AuditEntry

LOGINS = ("log in", "join", "recover account")
"""Acts that begin a session."""

OWN = (
    *LOGINS,
    "change passphrase",
    "end other sessions",
    wrong_code.ACT,
    "switch codes off",
    "switch codes on",
)
"""Acts with the organiser's own account that somebody else could have done."""

EVERYBODYS = (
    "change the campaign's key",
    "change role",
    "change secret key",
    "invite organiser",
    "join",
    "make recovery code",
    "recover account",
    "remove organiser",
    "restore backup",
    "revoke invitation",
)
"""Acts that change who opens names, by anybody."""


@dataclass(frozen=True)
class NewsItem:
    """An act, and how often it happened."""

    organiser: str
    act: str
    about: str
    count: int
    last_at: datetime


def last_login(db: Session, name: str) -> datetime | None:
    """Return when the organiser last logged in."""
    return db.scalar(
        select(func.max(AuditEntry.at)).where(AuditEntry.organiser == name, AuditEntry.act.in_(LOGINS))
    )


def between(db: Session, name: str, since: datetime, until: datetime) -> Sequence[NewsItem]:
    """Return what happened between two logins of the organiser, the latest first."""
    concerns = or_(
        AuditEntry.act.in_(EVERYBODYS), and_(AuditEntry.organiser == name, AuditEntry.act.in_(OWN))
    )
    last_at = func.max(AuditEntry.at).label("last_at")
    kinds = (AuditEntry.organiser, AuditEntry.act, AuditEntry.about)
    query = (
        select(*kinds, func.count().label("count"), last_at)
        .where(AuditEntry.at > since, AuditEntry.at < until, concerns)
        .group_by(*kinds)
        .order_by(last_at.desc())
    )
    return [NewsItem(**row._mapping) for row in db.execute(query)]
