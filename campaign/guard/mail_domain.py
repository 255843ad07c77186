"""Suspicious mail domains: disposable ones, public providers, and who owns a domain."""

import re
from pathlib import Path

from disposable_email_domains import blocklist

from campaign.sealing.address import PROVIDERS

_LIST = Path(__file__).parents[1] / "data" / "mail_providers.txt"

PUBLIC = frozenset(
    [line for line in _LIST.read_text().split("\n") if line and not line.startswith("#")]
).union(*(provider.domains for provider in PROVIDERS))
"""Domains of public mail providers: with millions of users, many signatures are not suspicious."""

_SECOND_LEVEL = re.compile("ac|co|com|edu|gob|gouv|gov|gv|mil|ne|net|nhs|nom|or|org|sch")


def is_disposable(domain: str) -> bool:
    """Whether *domain*, or one above it, belongs to a service whose mailboxes anybody can open."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


def owned_domain(domain: str) -> str:
    """Return the registered part of *domain*; subdomains cost nothing, so they are not told apart.

    A guess, made without the public suffix list. If it takes a suffix for a registered domain,
    strangers share one threshold, beyond which signatures are held, not refused.
    """
    labels = domain.split(".")
    is_second_level = len(labels) > 2 and len(labels[-1]) == 2 and bool(_SECOND_LEVEL.fullmatch(labels[-2]))
    return ".".join(labels[-3 if is_second_level else -2 :])
