"""What organisers learn of boxes that do not belong to their rows: somebody wrote to the database."""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.organiser import audit_log
from campaign.organiser.audit_log import AuditEntry

logger = logging.getLogger(__name__)

ACT = "find altered boxes"

REPEATED_AFTER = timedelta(hours=1)
"""How long the same finding is not recorded again: each page that opens the boxes finds it."""

SHOWN_FOR = timedelta(days=30)
"""How long the dashboard shows the last finding."""


def record(db: Session, contexts: Collection[str], *, by: str, now: datetime) -> None:
    """Record in log and audit log how many boxes were altered, and the letters that their rows name.

    Args:
        db: A session that may write.
        contexts: Of the altered boxes; see :attr:`campaign.sealing.key_ring.KeyRing.altered`.
        by: The organiser whose key opened the others.
        now: The present time.
    """
    if not contexts:
        return
    kinds = " ".join(sorted({context.partition(" ")[0] for context in contexts}))
    about = f"{len(contexts)} {kinds}"
    logger.error("%d altered boxes (%s): somebody wrote to the database", len(contexts), kinds)
    latest = latest_finding(db, now=now)
    if latest is None or latest.about != about or latest.at + REPEATED_AFTER < now:
        audit_log.record(db, by, ACT, about, now=now)


def latest_finding(db: Session, *, now: datetime) -> AuditEntry | None:
    """Return the audit log's latest entry about altered boxes, if it is recent."""
    recent = select(AuditEntry).where(AuditEntry.act == ACT, AuditEntry.at >= now - SHOWN_FOR)
    return db.scalar(recent.order_by(AuditEntry.at.desc()).limit(1))
