"""Unicode's normal forms, in time that grows with the length of the text."""

import unicodedata
from functools import lru_cache
from typing import Literal

MOST_MARKS = 30
"""Marks on one letter, as in Unicode's stream-safe text format (UAX 15, D4); no language needs as many."""

CACHED_CHARACTERS = 4_096


def normal_form(form: Literal["NFC", "NFKC", "NFKD"], text: str) -> str:
    """Return *text* in *form*, without the marks on a letter that follow the thirtieth.

    Python sorts the marks of a letter in a time that grows with the square of their number, and no other
    thread runs meanwhile: one posted form of 100 KB stopped the whole site for twelve seconds.
    """
    if text.isascii():
        return text
    return unicodedata.normalize(form, text if len(text) <= MOST_MARKS else _without_surplus(text))


def _without_surplus(text: str) -> str:
    kept, marks = [], 0
    for each in text:
        marks = marks + 1 if _is_mark(each) else 0
        if marks <= MOST_MARKS:
            kept.append(each)
    return "".join(kept)


@lru_cache(maxsize=CACHED_CHARACTERS)
def _is_mark(character: str) -> bool:
    """Whether *character* is a mark, or becomes marks only, as Tibetan vowels and half-width signs do."""
    return unicodedata.combining(unicodedata.normalize("NFKD", character)[0]) != 0
