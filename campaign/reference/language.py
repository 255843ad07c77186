"""The eight languages of the campaign and their message catalogues."""

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel import Locale
from babel.support import NullTranslations, Translations

from campaign.paths import IS_CHECKOUT, PACKAGE

CATALOGUES = PACKAGE / "translations"
"""A folder for each language but English: ``messages.po``, and ``messages.mo`` compiled from it."""


@dataclass(frozen=True)
class Language:
    """A language of the pages; ``name`` is its own name for itself."""

    code: str
    name: str
    is_cyrillic: bool = False

    @property
    def fonts(self) -> tuple[str, ...]:
        """The fonts that each of its pages needs; Cyrillic ones have the serif alone, to be as small."""
        return ("serif-cyrillic",) if self.is_cyrillic else (f"sans-{self.code}", f"serif-{self.code}")


ENGLISH = Language("en", "English")

LANGUAGES = {
    language.code: language
    for language in (
        ENGLISH,
        Language("fr", "Français"),
        Language("de", "Deutsch"),
        Language("it", "Italiano"),
        Language("ru", "Русский", is_cyrillic=True),
        Language("es", "Español"),
        Language("kk", "Қазақша", is_cyrillic=True),
        Language("uk", "Українська", is_cyrillic=True),
    )
}

_LOCALES = {ENGLISH.code: "en_GB"}
"""Locales that differ from the code of the language: ``en`` alone would mean American dates."""


def locale(code: str) -> str:
    """Return the locale for dates and numbers in the language *code*."""
    return _LOCALES.get(code, code)


@cache
def parsed_locale(code: str) -> Locale:
    """Return the same locale as Babel's object, parsed once in a process."""
    return Locale.parse(locale(code))


@cache
def language_name(code: str, language: str) -> str:
    """Return the name of the language *code* in *language*, uninflected: ``Deutsch``, ``немецкий``."""
    return str(parsed_locale(language).languages[code])


@cache
def wording(code: str) -> NullTranslations:
    """Return the message catalogue of the language *code*; message ids are English.

    The first use in a process takes some milliseconds and half a megabyte.
    """
    source = catalogue_file(code)
    if IS_CHECKOUT and _was_edited(source):
        return Translations(io.BytesIO(_compiled(source)))
    return Translations.load(CATALOGUES, [code])


def catalogue_file(code: str) -> Path:
    """Return the path of the translators' file of the language *code*; English has none."""
    return CATALOGUES / code / "LC_MESSAGES" / "messages.po"


def _was_edited(source: Path) -> bool:
    """Whether the translators' file is newer than what the last installation compiled from it."""
    compiled = source.with_suffix(".mo")
    return source.exists() and not (
        compiled.exists() and compiled.stat().st_mtime_ns >= source.stat().st_mtime_ns
    )


def _compiled(source: Path) -> bytes:
    # Needed in a checkout alone.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, abort_invalid=True))
    return compiled.getvalue()
