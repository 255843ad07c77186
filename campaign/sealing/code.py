"""Random codes for links and recovery, in Crockford base 32."""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterator
from itertools import groupby

from campaign.reference.normal_form import normal_form

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Douglas Crockford's base 32: no I, L, O or U, so that a code survives being read aloud."""

TOKEN_CHARACTERS = 20
"""100 random bits: impossible to guess, and short enough to type."""

RECOVERY_CHARACTERS = 32
"""160 random bits."""

LONGEST_TYPED = 5_000
"""Characters of what is read: somebody may paste the whole message."""

# Crockford's confusions, then the letters of Cyrillic and Greek keyboards that look like Latin ones.
_READ_AS = str.maketrans("OILАВЕКМНРСТХОІЅЈΑΒΕΖΗΚΜΝΟΡΤΧΙ", "011ABEKMHPCTX01SJABEZHKMN0PTX1")

_SEPARATOR = re.compile(r"(?:(?![\s\-\u2010-\u2015\u2212])[\W_])+")
"""What separates a code from other text: all but spaces and dashes, which may be within a code."""

_ESCAPE, _SOFT_BREAK = re.compile("[=%][0-9A-F]{2}"), re.compile(r"=\s*")
"""Residue of quoted-printable and of encoded addresses; a line end of quoted-printable."""


def new_code(characters: int = TOKEN_CHARACTERS) -> str:
    """Return a random code of Crockford's characters, five bits each."""
    bits = secrets.randbits(5 * characters)
    return "".join(CROCKFORD[bits >> 5 * at & 31] for at in range(characters))


def read_code(typed: str, characters: int = TOKEN_CHARACTERS) -> str | None:
    """Return the code in *typed*, the last one of several, or ``None`` when there is none.

    Dashes, spaces, dots, invisible characters and case are ignored. A whole link is read, and a code with
    words before it or with something stuck to it. O is read as 0, I and L as 1, and a Cyrillic or Greek
    letter as the Latin one that it looks like.
    """
    if len(typed) > LONGEST_TYPED:
        return None
    text = "".join(each for each in normal_form("NFKC", typed) if unicodedata.category(each) != "Cf")
    text = text.upper().translate(_READ_AS)
    for candidates in _candidates(text):
        found = [each for each in candidates if len(each) == characters and set(each) <= set(CROCKFORD)]
        if found:  # a host's name may look like a code too, and comes before it
            return found[-1]
    return None


def _candidates(text: str) -> Iterator[list[str]]:
    """Yield what may be the code in *text*, the likeliest first."""
    for each in (text, _ESCAPE.sub(" ", text), _SOFT_BREAK.sub("", text)):
        yield [_joined(each)]
        parts = _SEPARATOR.split(each)
        yield [_joined(part) for part in parts]
        yield [_joined(word) for part in parts for word in part.split()]
        yield [groups for part in parts for groups in _groups_of_four(part)]


def _groups_of_four(part: str) -> list[str]:
    """Return what *part* has in groups of four, as codes are printed."""
    words = re.findall(r"[^\W_]+", part)
    return ["".join(group) for length, group in groupby(words, len) if length == 4]


def _joined(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def grouped(code: str) -> str:
    """Return *code* in groups of four, the form in which it is displayed."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def code_hash(code: str) -> bytes:
    """Return the hash that is stored in place of *code*; a random code needs no slow hash."""
    return hashlib.blake2b(code.encode(), digest_size=32, person=b"campaign-token").digest()


def code_key(code: str) -> bytes:
    """Return the key for wrappings under *code*, or the private key of the pair of a recovery code.

    It cannot be derived from :func:`code_hash`.
    """
    return hashlib.blake2b(code.encode(), digest_size=32, person=b"campaign-wrapkey").digest()
