"""The eight languages of the campaign, and the catalogue of wording in each."""

from dataclasses import dataclass
from functools import cache
from gettext import NullTranslations

from babel.support import Translations

from campaign.paths import PACKAGE

CATALOGUES = PACKAGE / "translations"


@dataclass(frozen=True)
class Language:
    """A language of the pages; ``name`` is what its speakers call it."""

    code: str
    name: str
    is_finished: bool = False
    """Whether letter and pages are complete; if not, readers are sent to English."""


ENGLISH = Language("en", "English", is_finished=True)

LANGUAGES = {
    language.code: language
    for language in (
        ENGLISH,
        Language("fr", "Français"),
        Language("de", "Deutsch"),
        Language("it", "Italiano"),
        Language("ru", "Русский"),
        Language("es", "Español"),
        Language("kk", "Қазақша"),
        Language("uk", "Українська"),
    )
}

_USAGE = {ENGLISH.code: "en_GB"}
"""Where a language alone would give another usage: English by itself writes dates as Americans do."""


def locale(code: str) -> str:
    """Return the locale by whose rules dates and numbers are written in the language *code*."""
    return _USAGE.get(code, code)


def finished_languages() -> list[Language]:
    """Return the languages in which the whole campaign can be read."""
    return [language for language in LANGUAGES.values() if language.is_finished]


@cache
def wording(code: str) -> NullTranslations:
    """Return the catalogue of *code*; English is what the code itself says."""
    return Translations.load(CATALOGUES, [code])
