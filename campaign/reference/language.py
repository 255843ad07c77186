"""The eight languages of the campaign and their message catalogues."""

from dataclasses import dataclass
from functools import cache
from gettext import NullTranslations

from babel.support import Translations

from campaign.paths import PACKAGE

CATALOGUES = PACKAGE / "translations"


@dataclass(frozen=True)
class Language:
    """A language of the pages; ``name`` is its own name for itself."""

    code: str
    name: str


ENGLISH = Language("en", "English")

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

_LOCALES = {ENGLISH.code: "en_GB"}
"""Locales that differ from the code of the language: ``en`` alone would mean American dates."""


def locale(code: str) -> str:
    """Return the locale for dates and numbers in the language *code*."""
    return _LOCALES.get(code, code)


@cache
def wording(code: str) -> NullTranslations:
    """Return the message catalogue of the language *code*; message ids are English."""
    return Translations.load(CATALOGUES, [code])
