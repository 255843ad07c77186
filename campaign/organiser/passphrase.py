"""Passphrases: what is offered, what is taken, and what is too easy to guess."""

import re
import threading
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from xkcdpass import xkcd_password

from campaign.errors import WeakPassphraseError

SHORTEST_PASSPHRASE = 15
"""Characters. zxcvbn knows English words and names; of other languages it sees nothing but length."""

FEWEST_GUESSES_LOG10 = 18
"""The decimal logarithm of the guesses, by zxcvbn's count, that a passphrase must be good for.

Its own highest score begins at 10, which is meant for a login that somebody watches. Here the guessing
is done on a stolen copy: Argon2id as we use it lets a rich attacker try perhaps a million a second.
zxcvbn counts generously: three random words are 10^12 to try, which takes that attacker two weeks, and
come to 13 to 23 by its count; four are 10^15.6, which takes a century, and come to 19 and more. The
seven words that we offer are beyond anybody (10^27).
"""

JUDGED_CHARACTERS = 40
"""How much of a passphrase is looked at: zxcvbn's time grows with the cube of the length where digits
stand for letters. The worst that we found took 0.5 s at 40, 1.7 s at 72, and 23 s at 256 characters.
"""

SHARE_OF_A_WORD = 0.4
"""Of the whole, for a common word or name to be called the weakness, rather than that there are so few."""


class Weakness(StrEnum):
    """Why a passphrase will not do."""

    SHORT = "short"
    OWN = "own"
    """The organiser's name, or what the campaign is known by."""
    COMMON = "common"
    """What many others chose before."""
    KEYS = "keys"
    """Neighbours on a keyboard."""
    REPEAT = "repeat"
    SEQUENCE = "sequence"
    """``abcdef``, ``987654``."""
    DATE = "date"
    NAME = "name"
    """Frequent names of people."""
    FEW = "few"
    """Nothing of the above, but too few words."""


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

# zxcvbn keeps the words that a passphrase is about in a dictionary which all threads share.
_ZXCVBN = threading.Lock()


def offered_passphrase() -> str:
    """Return seven random words: about 90 bits, and nobody has to invent anything."""
    words = xkcd_password.generate_wordlist(xkcd_password.locate_wordfile("eff-long"))
    return str(xkcd_password.generate_xkcdpassword(words, numwords=7))


def clean(passphrase: str | None) -> str:
    """Return *passphrase* as it is stretched."""
    # Keyboards differ in how they compose letters, and phones add a space at the end.
    return " ".join(unicodedata.normalize("NFKC", passphrase or "").split())


def check(passphrase: str, about: Iterable[str]) -> None:
    """Refuse a clean *passphrase* that can be guessed; rules about kinds of characters only burden people.

    Args:
        passphrase: As :func:`clean` returns it.
        about: What somebody who knows the organiser or the campaign would try first.

    Raises:
        WeakPassphraseError: With a :class:`Weakness`.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise WeakPassphraseError(
            f"a passphrase has at least {SHORTEST_PASSPHRASE} characters", Weakness.SHORT
        )
    judged = _judge(passphrase[:JUDGED_CHARACTERS], about)
    if judged["guesses_log10"] < FEWEST_GUESSES_LOG10:
        weakness = _weakness(judged["password"], judged["sequence"])
        raise WeakPassphraseError("this passphrase is too easy to guess", weakness)


def _judge(passphrase: str, about: Iterable[str]) -> dict[str, Any]:
    # Loaded when a passphrase is set, which is seldom: its word lists take 14 MiB of every process.
    from zxcvbn import zxcvbn

    with _ZXCVBN:
        judged: dict[str, Any] = zxcvbn(passphrase, user_inputs=_words(about))
    return judged


def _words(about: Iterable[str]) -> list[str]:
    """Return each of *about* whole, without its spaces, and by its words."""
    found: dict[str, None] = {}
    for each in about:
        words = [word for word in re.split(r"\W+", each.lower()) if len(word) > 2]
        found |= dict.fromkeys([each.lower(), "".join(words), *words])
    return [word for word in found if word]


def _weakness(passphrase: str, sequence: list[dict[str, Any]]) -> Weakness:
    """Return whether *passphrase* holds what is known of its owner, else what its longest known part is."""
    known = [part for part in sequence if part["pattern"] != "bruteforce"]
    if any(part.get("dictionary_name") == "user_inputs" for part in known):
        return Weakness.OWN
    longest = max(known, key=lambda part: len(part["token"]), default={"pattern": ""})
    if longest["pattern"] != "dictionary":
        return _PATTERNS.get(longest["pattern"], Weakness.FEW)
    if len(longest["token"]) < SHARE_OF_A_WORD * len(passphrase):
        return Weakness.FEW
    return _DICTIONARIES.get(longest["dictionary_name"], Weakness.FEW)
