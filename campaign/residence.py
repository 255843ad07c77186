"""Where signatories live: every ISO 3166-1 code, and names for them in each language."""

from collections.abc import Set

RESIDENCES: Set[str] = frozenset()
"""Every assigned alpha-2 code, upper case, and ``ZZ``: rather not say."""


def name(code: str, language: str) -> str:
    """Return the name of the residence *code*; ``ZZ`` has the words of CLDR for an unknown region."""
    raise NotImplementedError


def choices(language: str) -> list[tuple[str, str]]:
    """Return code and name of every residence but ``ZZ``, in the order of *language*."""
    raise NotImplementedError
