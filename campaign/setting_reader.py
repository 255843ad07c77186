"""Read the text of a setting: what cannot work, or is out of any range that a campaign needs, is refused.

Each function returns the value, or raises a ``ValueError`` whose text says what is wrong.
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import date
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import exc, make_url

from campaign import secret_key

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MINUTES_A_DAY = 24 * 60

EARLIEST, LATEST = date(2020, 1, 1), date(2099, 12, 31)
"""The closing days that are accepted: later sums of days stay far from the calendar's end."""

MOST_DAYS, MOST_MONTHS, MOST_PROXIES, MOST_STEP = 90, 120, 10, 1000
MOST_NETWORKS = 100
"""Each request is compared with all of them."""

LONGEST_ADDRESS = 254

_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}([.][a-z0-9_-]{1,63})*[.]?", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+")


def is_loopback_host(host: str) -> bool:
    """Whether *host*, a name or an address, is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def base_url(text: str) -> str:
    """Read the site's public address."""
    parts = _url(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"not a web address such as https://letters.example.org: {text}")
    if parts.path not in {"", "/"}:
        raise ValueError(f"must have no path: the site uses the root of its host: {text}")
    if ":" in parts.hostname:
        raise ValueError("must have a name or an IPv4 address: Werkzeug answers to no IPv6 address")
    if "@" in parts.netloc:
        raise ValueError("must have no user and no password")
    if parts.scheme == "http" and not is_loopback_host(parts.hostname):
        raise ValueError(f"must begin with https:// except on loopback: {text}")
    return text.rstrip("/")


def one_of(*allowed: str) -> Callable[[str], str]:
    """Return a function that reads one of *allowed*."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be {' or '.join(allowed)}, not {text!r}")
        return text

    return read


def database_url(text: str) -> str:
    """Read SQLAlchemy's address of a database that outlives the process."""
    if not text.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError):
        raise ValueError("is no address of a database") from None
    if url.get_backend_name() == "sqlite":
        if url.database in {None, "", ":memory:"}:
            raise ValueError("must name a file: a database in memory ends with the process")
        if not Path(str(url.database)).absolute().parent.is_dir():
            raise ValueError(f"there is no folder {Path(str(url.database)).absolute().parent}")
    elif not 1 <= (url.port or 5432) <= 65535:
        raise ValueError("must have a port between 1 and 65535")
    return text


def smtp_url(text: str) -> str:
    """Read the relay's address."""
    parts = _url(text)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError("must look like smtp://user:password@host:587 or smtps://user:password@host")
    return text


def mail_from(text: str) -> str:
    """Read a sender: an address, or a name and an address in angle brackets."""
    address = parseaddr(text)[1]
    is_one_line = text.isprintable()
    if not is_one_line or len(address) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
        raise ValueError(f"must be an address, or a name and an address in angle brackets: {text[:80]!r}")
    return text


def whole_number(at_least: int, at_most: int) -> Callable[[str], int]:
    """Return a function that reads a number within these bounds."""

    def read(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) < 10
        if not is_number or not at_least <= int(text) <= at_most:
            raise ValueError(f"must be a whole number from {at_least} to {at_most}, not {text[:80]!r}")
        return int(text)

    return read


def count_minutes(text: str) -> int:
    """Read minutes that divide a day, or 0."""
    minutes = whole_number(0, MINUTES_A_DAY)(text)
    if MINUTES_A_DAY % (minutes or 1):
        raise ValueError(f"must divide a day, as 15 or 60 do, or be 0, not {text!r}")
    return minutes


def closing_day(text: str) -> date:
    """Read a day within :data:`EARLIEST` and :data:`LATEST`."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"must be a day such as 2027-03-08, not {text[:80]!r}") from None
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"must be a day from {EARLIEST} to {LATEST}, not {text!r}")
    return day


def folder(text: str) -> Path:
    """Read the name of a folder that exists."""
    if not Path(text).is_dir():
        raise ValueError(f"there is no folder {text}")
    return Path(text).absolute()


def networks(text: str) -> tuple[Network, ...]:
    """Read networks with commas between them."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > MOST_NETWORKS:
        raise ValueError(f"names more than {MOST_NETWORKS} networks")
    return tuple(ipaddress.ip_network(part) for part in parts)


def _url(text: str) -> SplitResult:
    """Split an address, and check its host and port."""
    if not text.isprintable() or " " in text:
        raise ValueError("has a space or a control character")
    parts = urlsplit(text)
    if parts.port == 0:  # reading a port that is no number up to 65535 raises ValueError
        raise ValueError("must have a port between 1 and 65535")
    host = parts.hostname or ""
    if host and ":" not in host and not _HOST.fullmatch(host):
        raise ValueError("has no usable host; write one with other letters in its xn-- form")
    return parts


READERS: dict[str, Callable[[str], Any]] = {
    "instance": Path,
    "database_url": database_url,
    "secret_key": secret_key.check,
    "secret_key_file": lambda text: Path(text).absolute(),
    "base_url": base_url,
    "smtp_url": smtp_url,
    "mail_from": mail_from,
    "appeal": folder,
    "closes_on": closing_day,
    "confirmation_days": whole_number(1, MOST_DAYS),
    "erase_months_after_close": whole_number(0, MOST_MONTHS),
    "trusted_proxies": whole_number(0, MOST_PROXIES),
    "unlimited_networks": networks,
    "metrics_networks": networks,
    "count_minutes": count_minutes,
    "count_step": whole_number(1, MOST_STEP),
    "log_format": one_of("text", "json"),
}
"""How each setting is read."""
