"""Assess the strength of a passphrase once for all accounts of tests that have it, and the same name."""

from collections.abc import Iterable
from typing import Any

from campaign.organiser import passphrase

MOST = 100
"""Assessments to remember."""


def install() -> None:
    assess = passphrase._assess
    known: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {}

    def remembered(typed: str, about: Iterable[str]) -> dict[str, Any]:
        key = typed, tuple(about)
        if key not in known:
            if len(known) == MOST:
                known.clear()
            known[key] = assess(*key)
        return known[key]

    passphrase._assess = remembered
