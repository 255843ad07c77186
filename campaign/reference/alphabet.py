"""Sort names as each language's alphabet does, and find them however they were typed."""

import re
import unicodedata
from functools import lru_cache

from anyascii import anyascii

from campaign.reference.normal_form import normal_form

_LATIN = "abcdefghijklmnopqrstuvwxyz"

_CYRILLIC = "аәбвгғґдеёєжзиіїйкқлмнңоөпрстуұүфхһцчшщъыьэюя"
"""The order for names in another alphabet than the language's own."""

_ALPHABETS = {
    "es": "abcdefghijklmnñopqrstuvwxyz",
    "ru": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "kk": "аәбвгғдежзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
}
"""Alphabets in which a letter with a diacritic is a letter of its own."""

_OWN, _LATIN_AFTER, _CYRILLIC_AFTER, _OTHERS = (chr(first) for first in (0x100, 0x200, 0x300, 0x400))
"""Where letters come in a key: after digits first those of the language, then other alphabets."""


def sort_key(name: str, language: str) -> str:
    """Return a key that sorts names by the alphabet of *language*, without case and other accents.

    Names in other alphabets come after those in its own.
    """
    alphabet = _ALPHABETS.get(language, _LATIN)
    return "".join(
        _place(character, alphabet) for character in normal_form("NFC", name.removeprefix("The ")).casefold()
    )


# Not cached: a signatory's name would stay in memory.
def folded(text: str) -> str:
    """Return *text* for a search that forgives case, accents, and Latin for Cyrillic: "kazahstan".

    The picker's script folds likewise.
    """
    latin = anyascii(normal_form("NFKC", text)).casefold()
    for letters, one in (("[ijy]+", "i"), ("kh", "h"), ("q", "k"), ("w", "v"), ("['`’]", "")):
        latin = re.sub(letters, one, latin)
    return re.sub("[^a-z0-9]+", " ", latin).strip()


def is_found(query: str, text: str) -> bool:
    """Whether *text* has *query* in it, however it was typed; an empty one is everywhere."""
    wanted = folded(query)
    return wanted in folded(text) if wanted else query in text


@lru_cache(maxsize=4096)
def _place(character: str, alphabet: str) -> str:
    """Return where *character* comes among others; nothing for punctuation."""
    base = normal_form("NFKD", character)[0]
    for order, first in ((alphabet, _OWN), (_LATIN, _LATIN_AFTER), (_CYRILLIC, _CYRILLIC_AFTER)):
        for letter in (character, base):
            if letter in order:
                return chr(ord(first) + order.index(letter))
    if base == " " or base.isdecimal():
        return base
    if "LATIN" in unicodedata.name(base, ""):  # such as æ, ø and ł
        return "".join(_place(each, alphabet) for each in anyascii(base).casefold())
    return _OTHERS + base if base.isalnum() else ""
