"""The content of a list's cover: who sends the list, what it counts, and where to check it."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class Cover:
    """The content of one cover."""

    language: str
    """Of every text on the cover and the list."""
    edition: int
    """Of the letter that is delivered."""
    code: str
    """The code under which the site confirms the delivery: 20 characters of Crockford's base 32,
    without dashes. Empty on a working copy or a test, which are not deliveries."""
    made_on: date
    organisation: str
    seat: str
    contact: str
    state_name: str
    """The participating state's name in *language*."""
    total: int
    """Confirmed signatures, with or without a name on the list."""
    named: int
    by_residence: tuple[tuple[str, int], ...]
    """Residence and signatures, the delegation's own residents first; small numbers are merged."""
    own_residence: str
    """The participating state's code in upper case."""
    withdrawn: int
    """Signatures that signatories withdrew."""
    removed: int
    """Confirmed signatures that organisers invalidated."""
    verify_url: str
    nonce: str
    """128 random bits as hex, so that the hash of the file cannot be guessed."""
    names_withheld: bool
    """Whether this delegation gets the count only."""
