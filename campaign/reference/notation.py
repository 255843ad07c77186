"""How each language writes numbers, days and lists: CLDR through Babel, corrected in this one place."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache

from babel import dates, lists, numbers

from campaign.reference.language import parsed_locale

CACHED_NUMBERS = 10_000
"""Formatted numbers to cache: pages are full of counts that were on earlier pages too."""

CACHED_MONTHS = 1_000
"""Written months to cache: the letters to all States name the same ones."""

_UNGROUPED = {"es": 4, "it": 4}
"""Languages that group no number up to this number of digits: a rule of CLDR that Babel ignores."""

_SHORT_DAYS = {"kk": "y\u00a0'ж'. d MMM"}
"""Patterns of short days that differ from CLDR's, which has a leading zero here and nowhere else."""

_FIRST = {"fr": "1er", "it": "1º"}
"""How the first day of a month is written where CLDR writes the bare number."""

_YEAR = {"г.": "года", "р.": "року", "ж.": "жылғы"}
"""The word *year*: abbreviated by CLDR, written out beside a month alone."""

_NARROW, _NO_BREAK = "\u202f", "\u00a0"
"""CLDR sets "г." off by a narrow space, which many fonts lack; books set it off by a whole one."""


@lru_cache(CACHED_NUMBERS)
def number(value: int, language: str) -> str:
    """Return *value* with the separators of *language*: "1,234", "1 234", "1.234"."""
    if len(str(abs(value))) <= _UNGROUPED.get(language, 0):
        return str(value)
    return numbers.format_decimal(value, locale=parsed_locale(language))


def day(on: date, language: str) -> str:
    """Return a day in full: "8 March 2021", "8 марта 2021 г.", "2021 ж. 8 наурыз"."""
    return _date(on, "long", language)


def short_day(on: date, language: str) -> str:
    """Return a day for tables: "8 Mar 2021", "08.03.2021"."""
    return _date(on, _SHORT_DAYS.get(language, "medium"), language)


@lru_cache(CACHED_MONTHS)
def month(of: date, language: str) -> str:
    """Return a month and its year, standing alone: "March 2021", "март 2021 года", "2021 жылғы наурыз"."""
    words = dates.format_skeleton("yMMMM", of, locale=parsed_locale(language)).split()
    return " ".join(_YEAR.get(word, word) for word in words)


def moment(at: datetime, language: str) -> str:
    """Return a day in full with the time: "8 March 2021, 14:05"."""
    return f"{day(at, language)}, {at:%H:%M}"


def short_moment(at: datetime, language: str) -> str:
    """Return a day for tables with the time: "8 Mar 2021, 14:05"."""
    return f"{short_day(at, language)}, {at:%H:%M}"


def listed(items: Iterable[str], language: str) -> str:
    """Return the enumeration of *items*: "A, B and C"."""
    return lists.format_list([str(item) for item in items], locale=parsed_locale(language))


def mark(sign: str, language: str) -> str:
    """Return a colon or semicolon as it follows a word: French sets it off by a no-break space."""
    return _NO_BREAK + sign if language == "fr" else sign


def _date(on: date, pattern: str, language: str) -> str:
    text = dates.format_date(on, pattern, parsed_locale(language)).replace(_NARROW, _NO_BREAK)
    if on.day == 1 and language in _FIRST:
        return _FIRST[language] + text.removeprefix("1")
    return text
