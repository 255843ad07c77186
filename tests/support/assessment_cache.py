"""Assess the strength of a passphrase once for all accounts of tests that have it, and the same name."""

from functools import lru_cache

from campaign.organiser import passphrase

MOST = 100
"""Assessments to remember."""


def install() -> None:
    assess = lru_cache(MOST)(passphrase._assess)
    passphrase._assess = lambda typed, about: assess(typed, tuple(about))
