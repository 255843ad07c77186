"""Findings about settings and machine: disk space, open files, clocks, file modes."""

import os
import resource
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.operations.clock_watch import newest_times
from campaign.operations.doctor.finding import Finding
from campaign.settings import Settings

LOW_DISK_BYTES = 1_000_000_000

MIN_OPEN_FILES = 4096
"""The web server raises its limit to the maximum; each visitor takes one or two files."""

MAX_SKEW = timedelta(seconds=20)
"""Codes from a phone are valid for thirty seconds, sessions for thirty minutes."""


def settings_findings(settings: Settings) -> Iterator[Finding]:
    """Yield settings that are valid but unwise."""
    if settings.is_loopback:
        yield Finding("CAMPAIGN_BASE_URL is on loopback: only this machine can open the site.")
    if settings.closes_on is None:
        yield Finding(
            "CAMPAIGN_CLOSES_ON is not set: names, boxes and the digests of addresses are kept until each"
            " person withdraws.",
            is_serious=not settings.is_loopback,
        )
    if settings.is_secure and settings.trusted_proxies == 0:
        yield Finding(
            "CAMPAIGN_TRUSTED_PROXIES is 0 although CAMPAIGN_BASE_URL is https, which needs a proxy in front:"
            " all visitors count as one network and share its rate limits.",
            is_serious=True,
        )
    if not settings.is_secure and settings.trusted_proxies:
        yield Finding(
            f"CAMPAIGN_TRUSTED_PROXIES is {settings.trusted_proxies} although CAMPAIGN_BASE_URL is not https:"
            " without a proxy in front, visitors can forge their addresses."
        )
    if any(network.prefixlen == 0 for network in settings.metrics_networks):
        yield Finding("CAMPAIGN_METRICS_NETWORKS lets everybody read /metrics.", is_serious=True)
    if any(network.prefixlen == 0 for network in settings.unlimited_networks):
        yield Finding("CAMPAIGN_UNLIMITED_NETWORKS exempts everybody from every limit.", is_serious=True)
    yield from _readable_by_others(settings.instance)


def connection_findings(database: Database) -> Iterator[Finding]:
    """Yield a connection to PostgreSQL that somebody on the network could intercept."""
    # libpq also takes several hosts, separated by commas, and those of its own environment.
    option = database.url.query.get("host") or database.url.host or os.environ.get("PGHOST", "")
    hosts = [host for part in ([option] if isinstance(option, str) else option) for host in part.split(",")]
    mode = database.url.query.get("sslmode") or os.environ.get("PGSSLMODE", "")
    if not database.is_sqlite and not all(map(_is_this_machine, hosts)) and mode != "verify-full":
        yield Finding(
            "PostgreSQL is on another host, and CAMPAIGN_DATABASE_URL does not end in ?sslmode=verify-full"
            " (with sslrootcert): who controls the network between can read and write as the database does.",
            is_serious=True,
        )


def _is_this_machine(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False


def capacity_findings(settings: Settings, database: Database) -> Iterator[Finding]:
    """Yield where disk space or open files run out."""
    folders = {settings.instance}
    if database.is_sqlite:
        folders.add(Path(str(database.url.database)).absolute().parent)
    for folder in sorted(folders):
        if shutil.disk_usage(folder).free < LOW_DISK_BYTES:
            yield Finding(f"Less than 1 GB is free on the disk of {folder}.", is_serious=True)
    _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < MIN_OPEN_FILES:
        yield Finding(
            f"A process may open only {most} files, which as many visitors use up: allow"
            f" {MIN_OPEN_FILES} or more (LimitNOFILE in systemd, ulimit -n in a shell).",
            is_serious=True,
        )


def clock_findings(database: Database, now: datetime) -> Iterator[Finding]:
    """Compare this machine's clock with the database's clock and with the times of stored rows."""
    with database.reading() as db:
        skew = timedelta() if database.is_sqlite else now - database_clock(db)
        if abs(skew) > MAX_SKEW:
            yield Finding(
                f"This machine's clock is {_span(skew)} {'ahead of' if skew > timedelta() else 'behind'}"
                " the database's: set both by NTP.",
                is_serious=True,
            )
        latest = max(newest_times(db), default=now)
    if latest - now > MAX_SKEW:
        yield Finding(
            f"The database contains a time that is {_span(latest - now)} in the future: this machine's clock"
            " is behind, or was ahead. Mails, sessions and limits depend on it: set it by NTP.",
            is_serious=True,
        )


def database_clock(db: Session) -> datetime:
    """Return the time by the clock of the database's machine; for SQLite, this machine."""
    if db.get_bind().dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now


def _readable_by_others(folder: Path) -> Iterator[Finding]:
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        yield Finding(f"{folder} can be read by other users of this machine: chmod 700.", is_serious=True)


def _span(span: timedelta) -> str:
    seconds = round(abs(span).total_seconds())
    return f"{seconds} seconds" if seconds < 120 else f"{seconds // 60} minutes"
