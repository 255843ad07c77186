"""What the cover of a list says: who sends it, what it counts, and where to check it."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class Cover:
    """The cover of one delivery's list."""

    code: str
    """What the site answers for: 20 characters of Crockford's base 32, without dashes.
    Empty on a working copy, which is delivered to nobody."""
    made_on: date
    organisation: str
    seat: str
    contact: str
    state_name: str
    """The participating state's, in the letter's language."""
    total: int
    """Confirmed signatures, whether their names are on the list or not."""
    named: int
    by_residence: tuple[tuple[str, int], ...]
    """Residence and signatures, the delegation's own residents first."""
    own_residence: str
    """The participating state's code, in upper case."""
    withdrawn: int
    removed: int
    verify_url: str
    nonce: str
    """128 random bits as hex, so that the hash of the file cannot be guessed."""
    names_withheld: bool
    """Whether this delegation gets the count alone."""
