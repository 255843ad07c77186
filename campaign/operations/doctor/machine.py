"""The settings, and the machine under them: room, files, clocks, what others may read."""

import resource
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.delivery.model import Delivery
from campaign.operations.doctor.finding import Finding
from campaign.organiser.audit_log import AuditEntry
from campaign.organiser.session import OrganiserSession
from campaign.settings import Settings
from campaign.signature import recount

LOW_DISK_BYTES = 1_000_000_000

FEWEST_OPEN_FILES = 4096
"""The web server raises its limit as far as it may; each visitor takes one or two."""

MOST_SKEW = timedelta(seconds=20)
"""Codes from a phone hold for thirty seconds, a session for thirty minutes."""


def settings_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what is unwise in the settings; what cannot work has stopped the start."""
    if settings.is_loopback:
        yield Finding("CAMPAIGN_BASE_URL is on loopback: only this machine reaches the site.")
    if settings.closes_on is None:
        yield Finding(
            "CAMPAIGN_CLOSES_ON is not set: personal data is kept until each person withdraws.",
            is_serious=not settings.is_loopback,
        )
    if settings.is_secure and settings.trusted_proxies == 0:
        yield Finding(
            "CAMPAIGN_TRUSTED_PROXIES is 0 although CAMPAIGN_BASE_URL is https, which takes a proxy in front:"
            " all visitors count as one network, and share its limits.",
            is_serious=True,
        )
    if not settings.is_secure and settings.trusted_proxies:
        yield Finding(
            f"CAMPAIGN_TRUSTED_PROXIES is {settings.trusted_proxies} although CAMPAIGN_BASE_URL is not https:"
            " without a proxy in front, visitors could say that they come from elsewhere."
        )
    if any(network.prefixlen == 0 for network in settings.metrics_networks):
        yield Finding("CAMPAIGN_METRICS_NETWORKS lets everybody read /metrics.", is_serious=True)
    yield from _readable_by_others(settings.instance)


def room_findings(settings: Settings, database: Database) -> Iterator[Finding]:
    """Yield where room runs out."""
    folders = {settings.instance}
    if database.is_sqlite:
        folders.add(Path(str(database.url.database)).absolute().parent)
    for folder in sorted(folders):
        if shutil.disk_usage(folder).free < LOW_DISK_BYTES:
            yield Finding(f"Less than 1 GB is free on the disk of {folder}.", is_serious=True)
    _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < FEWEST_OPEN_FILES:
        yield Finding(
            f"A process may open {most} files only, which that many visitors use up: allow"
            f" {FEWEST_OPEN_FILES} or more (LimitNOFILE in systemd, ulimit -n in a shell).",
            is_serious=True,
        )


def clock_findings(database: Database, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with this machine's clock, by the database's and by what was written before."""
    with database.reading() as db:
        skew = timedelta() if database.is_sqlite else now - database_clock(db)
        if abs(skew) > MOST_SKEW:
            yield Finding(
                f"This machine's clock is {_span(skew)} {'ahead of' if skew > timedelta() else 'behind'}"
                " the database's: set both by NTP.",
                is_serious=True,
            )
        latest = max(_times(db), default=now)
    if latest - now > MOST_SKEW:
        yield Finding(
            f"The database holds a time that is still {_span(latest - now)} away: this machine's clock is"
            " behind, or was ahead. Mails, sessions and limits go by it: set it by NTP.",
            is_serious=True,
        )


def database_clock(db: Session) -> datetime:
    """Return the time by the clock of the machine that holds the database: SQLite's is this one."""
    if db.get_bind().dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now


def _readable_by_others(folder: Path) -> Iterator[Finding]:
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        yield Finding(f"{folder} can be read by other users of this machine: chmod 700.", is_serious=True)


def _times(db: Session) -> Iterator[datetime]:
    """Yield when somebody or something was last at work, by the clock of that moment."""
    for column in (AuditEntry.at, Delivery.prepared_at, OrganiserSession.used_at):
        latest = db.scalar(select(func.max(column)))
        if latest is not None:
            yield latest
    recounted = recount.last(db)
    if recounted is not None:
        yield recounted[0]


def _span(span: timedelta) -> str:
    seconds = round(abs(span).total_seconds())
    return f"{seconds} seconds" if seconds < 120 else f"{seconds // 60} minutes"
