"""Domains of mailboxes: those that anybody can read, those that everybody uses, and whose one is."""

import re
from pathlib import Path

from disposable_email_domains import blocklist

from campaign.sealing.address import PROVIDERS

_LIST = Path(__file__).parents[1] / "data" / "mail_providers.txt"

PUBLIC = frozenset(
    [line for line in _LIST.read_text().split("\n") if line and not line.startswith("#")]
).union(*(provider.domains for provider in PROVIDERS))
"""Where so many strangers have their mailboxes that many signatures of one domain say nothing."""

_SECOND_LEVEL = re.compile("ac|co|com|edu|gob|gouv|gov|gv|mil|ne|net|nhs|nom|or|org|sch")


def is_disposable(domain: str) -> bool:
    """Whether *domain*, or one above it, belongs to a service whose mailboxes anybody can open."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


def owned_domain(domain: str) -> str:
    """Return the part of *domain* that somebody pays for: any number of names below it cost nothing.

    Without the public suffix list this is a guess. Where it goes too far, strangers share one
    threshold, beyond which they are held and not refused.
    """
    labels = domain.split(".")
    is_second_level = len(labels) > 2 and len(labels[-1]) == 2 and bool(_SECOND_LEVEL.fullmatch(labels[-2]))
    return ".".join(labels[-3 if is_second_level else -2 :])
