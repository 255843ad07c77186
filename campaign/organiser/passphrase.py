"""Passphrases: generate, normalise, and refuse those that are too easy to guess."""

import re
import threading
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from xkcdpass import xkcd_password

from campaign.errors import WeakPassphraseError
from campaign.reference.normal_form import normal_form

SHORTEST_PASSPHRASE = 15
"""Characters. zxcvbn knows English words and names only; other languages it judges by length alone."""

FEWEST_GUESSES_LOG10 = 18
"""The decimal logarithm of the guesses that a passphrase must withstand, as zxcvbn estimates them.

zxcvbn's best score begins at 10, which suits a login with a rate limit. Here an attacker guesses on a
stolen copy: Argon2id as we use it allows a rich one perhaps a million guesses a second. zxcvbn
overestimates: three random words take 10^12 guesses (two weeks), and it says 10^13 to 10^23; four take
10^15.6 (a century), and it says 10^19 and more. Our seven words take 10^27.
"""

ASSESSED_CHARACTERS = 40
"""No further characters are assessed: zxcvbn's time grows with the cube of the length where digits stand for
letters. The worst passphrase that we found took 0.5 s at 40, 1.7 s at 72, and 23 s at 256 characters.
"""

DOMINANT_SHARE = 0.4
"""A common word or name of this share of the passphrase is named as its weakness."""


class Weakness(StrEnum):
    """Why a passphrase is refused."""

    SHORT = "short"
    OWN = "own"
    """The organiser's name, or words that the campaign is known for."""
    COMMON = "common"
    """A common password."""
    KEYS = "keys"
    """Neighbouring keys."""
    REPEAT = "repeat"
    SEQUENCE = "sequence"
    """``abcdef``, ``987654``."""
    DATE = "date"
    NAME = "name"
    """A common personal name."""
    FEW = "few"
    """None of the above: too few words."""


_PATTERNS = {
    "spatial": Weakness.KEYS,
    "repeat": Weakness.REPEAT,
    "sequence": Weakness.SEQUENCE,
    "date": Weakness.DATE,
    "regex": Weakness.DATE,
}
_DICTIONARIES = {
    "passwords": Weakness.COMMON,
    "surnames": Weakness.NAME,
    "male_names": Weakness.NAME,
    "female_names": Weakness.NAME,
}

# zxcvbn stores the words of user_inputs in a dictionary that all threads share.
_ZXCVBN = threading.Lock()


def generate_passphrase() -> str:
    """Return seven random words, about 90 bits."""
    words = xkcd_password.generate_wordlist(xkcd_password.locate_wordfile("eff-long"))
    return str(xkcd_password.generate_xkcdpassword(words, numwords=7))


def normalise(passphrase: str | None) -> str:
    """Return the form of *passphrase* that is stretched."""
    # Keyboards compose letters differently, and phones add a space at the end.
    return " ".join(normal_form("NFKC", passphrase or "").split())


def check_strength(passphrase: str, about: Iterable[str]) -> None:
    """Refuse a *passphrase* that can be guessed.

    Args:
        passphrase: As :func:`normalise` returns it.
        about: Names and words that somebody who knows the organiser or the campaign would try first.

    Raises:
        WeakPassphraseError: With a :class:`Weakness`.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise WeakPassphraseError(
            f"a passphrase has at least {SHORTEST_PASSPHRASE} characters", Weakness.SHORT
        )
    assessed = _assess(passphrase[:ASSESSED_CHARACTERS], about)
    if assessed["guesses_log10"] < FEWEST_GUESSES_LOG10:
        weakness = _weakness(assessed["password"], assessed["sequence"])
        raise WeakPassphraseError("this passphrase is too easy to guess", weakness)


def _assess(passphrase: str, about: Iterable[str]) -> dict[str, Any]:
    # Imported here because its word lists take 14 MiB, and few processes ever set a passphrase.
    from zxcvbn import zxcvbn

    with _ZXCVBN:
        assessed: dict[str, Any] = zxcvbn(passphrase, user_inputs=_words(about))
    return assessed


def _words(about: Iterable[str]) -> list[str]:
    """Return each of *about* whole, without its spaces, and as separate words."""
    found: dict[str, None] = {}
    for each in about:
        words = [word for word in re.split(r"\W+", each.lower()) if len(word) > 2]
        found |= dict.fromkeys([each.lower(), "".join(words), *words])
    return [word for word in found if word]


def _weakness(passphrase: str, sequence: list[dict[str, Any]]) -> Weakness:
    """Return OWN if *passphrase* has a word of ``about``, else the weakness of its longest known part."""
    known = [part for part in sequence if part["pattern"] != "bruteforce"]
    if any(part.get("dictionary_name") == "user_inputs" for part in known):
        return Weakness.OWN
    longest = max(known, key=lambda part: len(part["token"]), default={"pattern": ""})
    if longest["pattern"] != "dictionary":
        return _PATTERNS.get(longest["pattern"], Weakness.FEW)
    if len(longest["token"]) < DOMINANT_SHARE * len(passphrase):
        return Weakness.FEW
    return _DICTIONARIES.get(longest["dictionary_name"], Weakness.FEW)
