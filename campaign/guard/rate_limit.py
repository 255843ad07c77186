"""What one web process remembers of the day, in memory alone, under a salt that goes with the day."""

import hmac
import secrets
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from campaign.guard import mail_domain, network
from campaign.guard.limit import (
    GUARDED_SECONDS,
    MAILBOXES_OF_A_DOMAIN,
    RUSH,
    SIGNATURES_OF_A_DOMAIN,
    WINDOW_SECONDS,
    Limit,
)
from campaign.guard.sliding_window import Window, forget_first
from campaign.sealing.address import canonical_address, domain_of

_ALL = b""
"""The key of what is counted for the whole site."""


@dataclass
class _Domain:
    """What came with addresses of one domain."""

    signatures: int = 0
    mailboxes: set[bytes] = field(default_factory=set)


class _Day:
    """One day's counts."""

    def __init__(self, on: date) -> None:
        self.on = on
        self._salt = secrets.token_bytes(32)
        self.windows: defaultdict[str, Window] = defaultdict(lambda: Window(WINDOW_SECONDS))
        self.since_midnight: defaultdict[str, Counter[bytes]] = defaultdict(Counter)
        self.domains: dict[bytes, _Domain] = {}

    def digest(self, content: bytes) -> bytes:
        """Return what recognises *content* today, and means nothing without this process's memory."""
        return hmac.digest(self._salt, content, "sha256")[:16]


class Memory:
    """How often which network, and which domain, came today.

    Neither an address nor a domain is kept, only a digest, under a salt that is drawn anew each
    day (UTC) and never leaves this process. With the day everything is forgotten.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._day = _Day(date.min)
        self._minute = Window(60)
        self.guarded_until = datetime.min.replace(tzinfo=UTC)
        """What this process has seen of a rush; the others read it from the database."""

    def wait(self, what: str, address: str | None, limit: Limit, now: datetime) -> int:
        """Return how many seconds the network of *address* has to wait with *what*; 0 for none."""
        with self._lock:
            day = self._today(now)
            key = day.digest(network.prefix(address))
            if day.since_midnight[what][key] >= limit.day:
                return _seconds_to_midnight(now)
            return day.windows[what].wait(key, limit.window, now.timestamp())

    def count(self, what: str, address: str | None, now: datetime) -> None:
        """Note that *what* came from the network of *address*."""
        with self._lock:
            day = self._today(now)
            key = day.digest(network.prefix(address))
            day.windows[what].add(key, now.timestamp())
            day.since_midnight[what][key] += 1
            forget_first(day.since_midnight[what])

    def is_crowded(self, email: str, now: datetime) -> bool:
        """Note a signature with *email*, and say whether too many came of its domain today."""
        whose = domain_of(email)
        if whose in mail_domain.PUBLIC:
            return False
        with self._lock:
            day = self._today(now)
            seen = day.domains.setdefault(day.digest(mail_domain.owned_domain(whose).encode()), _Domain())
            forget_first(day.domains)
            seen.signatures += 1
            if len(seen.mailboxes) <= MAILBOXES_OF_A_DOMAIN:
                seen.mailboxes.add(day.digest(canonical_address(email).encode()))
            return len(seen.mailboxes) > MAILBOXES_OF_A_DOMAIN or seen.signatures > SIGNATURES_OF_A_DOMAIN

    def is_rushing(self, now: datetime) -> bool:
        """Note a signature, and say whether so many come that all processes should know anew."""
        with self._lock:
            self._minute.add(_ALL, now.timestamp())
            if self._minute.count(_ALL, now.timestamp()) <= RUSH:
                return False
            until = now + timedelta(seconds=GUARDED_SECONDS)
            # Either way, for the clock may have been set back.
            is_news = abs(until - self.guarded_until) > timedelta(seconds=GUARDED_SECONDS / 10)
            if is_news:
                self.guarded_until = until
            return is_news

    def _today(self, now: datetime) -> _Day:
        if self._day.on != now.date():
            self._day = _Day(now.date())
        return self._day


def _seconds_to_midnight(now: datetime) -> int:
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
    return int((midnight - now).total_seconds()) + 1
