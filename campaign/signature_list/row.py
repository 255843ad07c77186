"""A row of a list of signatories, as every file of the list prints it."""

from dataclasses import dataclass
from datetime import date


# Not frozen: that would double the time it takes to make one, and lists have many.
@dataclass(slots=True, kw_only=True)
class Row:
    """One confirmed signature, opened for whoever may read it."""

    number: int
    """Running number in this list, from 1."""
    state_code: str
    name: str
    """Empty when none may be shown."""
    town: str
    residence: str
    """ISO 3166 alpha-2, or ``ZZ`` for one who would rather not say."""
    words: str
    """The signatory's own; empty unless an organiser approved them."""
    disclosure: str
    """``public``, ``delegation`` or ``counted``."""
    edition: int
    language: str
    confirmed_on: date
