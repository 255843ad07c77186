"""Names of accounts: no two that look alike, and none that reads like the tool itself."""

import unicodedata

from campaign.errors import AccountNameError
from campaign.organiser.audit_log import COMMAND_LINE
from campaign.organiser.role import ROLES
from campaign.reference.normal_form import normal_form

LONGEST_NAME = 80

RESERVED = (
    COMMAND_LINE,
    *ROLES,
    *("admin", "administrator", "campaign", "console", "mail worker", "nobody", "root", "server"),
    *("site", "somebody", "support", "system", "the system", "website", "webmaster", "worker"),
)
"""What the audit log, or a page, could take for the tool, for a role, or for nobody in particular."""

_LOOK_ALIKES = {
    "3": "З",
    "A": "АΑ",
    "B": "ВΒ",
    "C": "СϹ",
    "E": "ЕΕ",
    "F": "ҒϜ",
    "H": "НΗҺ",
    "J": "ЈͿ",
    "K": "КΚ",
    "M": "МΜ",
    "N": "Ν",
    "O": "ОΟ0",
    "P": "РΡ",
    "Q": "Ԛ",
    "S": "Ѕ",
    "T": "ТΤ",
    "V": "Ѵ",
    "W": "Ԝ",
    "X": "ХΧ",
    "Y": "УҮΥ",
    "Z": "Ζ",
    "a": "аαɑ",
    "b": "ьЬ",
    "c": "сϲ",
    "d": "ԁđ",
    "e": "е",
    "g": "ɡ",
    "h": "һħ",
    "i": "іιı",
    "j": "јϳ",
    "k": "кκ",
    "l": "ӏӀІΙI1|ł",
    "n": "пη",
    "o": "оοσø",
    "p": "рρ",
    "q": "ԛ",
    "r": "г",
    "s": "ѕ",
    "t": "τ",
    "u": "υ",
    "v": "ѵν",
    "w": "ԝω",
    "x": "хχ",
    "y": "уүγ",
}
"""Letters of Cyrillic, Greek and Latin that look like a Latin one, after Unicode's confusables.txt (17.0).

The whole file has thousands of rows for scripts in which few of us read; :func:`_mixes_scripts` covers these.
"""

_TO_LATIN = {ord(each): latin for latin, alike in _LOOK_ALIKES.items() for each in alike}

_INVISIBLE_LETTERS = dict.fromkeys([0x115F, 0x1160])
"""The fillers of Hangul, the only letters that show nothing; invisible marks and signs are no letters."""

_MAY_MIX = (
    {"LATIN", "CYRILLIC", "GREEK"},  # see _LOOK_ALIKES
    {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"},
)
"""Scripts of one name; any other has a script to itself."""


def clean(name: str) -> str:
    """Return *name* as it is stored."""
    return " ".join(normal_form("NFC", name).split())


def fold(name: str) -> str:
    """Return the form that all spellings of *name* share."""
    return clean(name).casefold()


def look_alike(one: str, other: str) -> bool:
    """Whether two names could be taken for each other, as written, in small letters, or in capitals."""
    return any(_shape(case(one)) == _shape(case(other)) for case in (str, str.lower, str.upper))


def check(name: str) -> None:
    """Refuse a name that no account may have; *name* is :func:`clean`.

    Raises:
        AccountNameError: It is empty, too long, reserved, or mixes letters that could be mistaken.
    """
    if len(name) > LONGEST_NAME or not _shape(name):
        raise AccountNameError(f"a name has 1 to {LONGEST_NAME} characters, with a letter among them")
    if any(look_alike(name, reserved) for reserved in RESERVED):
        raise AccountNameError(f"{name} is not a name for an account: it could be taken for the tool itself")
    if _mixes_scripts(name):
        raise AccountNameError("a name is written in one alphabet, so that no two names look alike")


def _shape(name: str) -> str:
    """Return what a reader sees of *name*, without marks on letters, with look-alikes as one letter."""
    seen = normal_form("NFKD", name).translate(_TO_LATIN | _INVISIBLE_LETTERS)
    return "".join(each for each in seen if each.isalnum()).replace("rn", "m").replace("vv", "w")


def _mixes_scripts(name: str) -> bool:
    letters = (each for each in normal_form("NFKD", name) if each.isalpha())
    scripts = {unicodedata.name(each, "?").partition(" ")[0] for each in letters}
    return len(scripts) > 1 and not any(scripts <= together for together in _MAY_MIX)
