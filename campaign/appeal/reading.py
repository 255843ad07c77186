"""Read an appeal from its folder; every mistake is an error with file and line.

A folder holds ``appeal.toml``, ``persons.toml``, ``claims.toml``, ``instruments.toml`` and
``letters/en.txt``. The campaign is in another language, too, if there are ``<language>.toml`` and
``letters/<language>.txt``.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import MappingProxyType

from campaign.appeal.content import Appeal, LetterFile
from campaign.appeal.english import read_english, state_code
from campaign.appeal.entry import Entry, read
from campaign.appeal.translation import read_texts
from campaign.errors import AppealError
from campaign.paths import PACKAGE, TEMPLATES
from campaign.reference.language import ENGLISH, LANGUAGES, Language
from campaign.reference.residence import RESIDENCES

_APPEAL = {
    "title", "call", "summary", "why_now", "person_note",
    "accused_state", "no_names_to", "endangered_residences", "source",
}  # fmt: skip

_ENGLISH_TEXTS = {"appeal.toml", "persons.toml", "claims.toml", "instruments.toml"}


def load(folder: Path | None = None) -> Appeal:
    """Return the shipped appeal, or the one in *folder*.

    Raises:
        AppealError: The content is invalid; the message gives file and line.
    """
    return _shipped() if folder is None else _load(*_folders(folder))


def half_there(folder: Path | None = None) -> Iterator[tuple[Language, Path]]:
    """Yield each language that has only one of texts and letter, with the file that it lacks."""
    content, letters = _folders(folder)
    for language in LANGUAGES.values():
        lacking = [each for each in _files(language, content, letters) if not each.exists()]
        if language != ENGLISH and len(lacking) == 1:
            yield language, lacking[0]


def unused(folder: Path | None = None) -> Iterator[Path]:
    """Yield texts and letters whose name is no code of a language that the program has."""
    content, letters = _folders(folder)
    for path in sorted((*content.glob("*.toml"), *letters.glob("*.txt"))):
        if path.stem not in LANGUAGES and path.name not in _ENGLISH_TEXTS:
            yield path


@cache
def _shipped() -> Appeal:
    """Return the shipped appeal, always the same object: composed letters are cached by it."""
    return _load(*_folders(None))


def _folders(folder: Path | None) -> tuple[Path, Path]:
    """Return the folders of texts and letters."""
    if folder is None:
        return PACKAGE / "data" / "appeal", TEMPLATES / "letters"
    return folder, folder / "letters"


def _files(language: Language, content: Path, letters: Path) -> tuple[Path, Path]:
    """Return the files of texts and letter in a language other than English."""
    return content / f"{language.code}.toml", letters / f"{language.code}.txt"


def _load(content: Path, letters: Path) -> Appeal:
    entry = read(content / "appeal.toml")
    entry.refuse_unknown(_APPEAL)
    accused = state_code(entry, "accused_state", entry.text("accused_state"))
    no_names_to = frozenset(state_code(entry, "no_names_to", code) for code in entry.texts("no_names_to"))
    if accused not in no_names_to:
        entry.refuse(f"the accused state “{accused}” must be in “no_names_to”", "no_names_to")
    residences = _residences(entry)
    english = read_english(entry, content, accused)
    languages = _languages(content, letters)
    return Appeal(
        **vars(english),
        accused_state=accused,
        no_names_to=no_names_to,
        endangered_residences=residences,
        translations=MappingProxyType(
            {
                each.code: read_texts(content / f"{each.code}.toml", english)
                for each in languages
                if each != ENGLISH
            }
        ),
        letters=MappingProxyType({each.code: _letter(letters, each) for each in languages}),
    )


def _languages(content: Path, letters: Path) -> list[Language]:
    """Return English, and the languages of which there are both texts and a letter."""
    return [
        each
        for each in LANGUAGES.values()
        if each == ENGLISH or all(file.exists() for file in _files(each, content, letters))
    ]


def _residences(entry: Entry) -> frozenset[str]:
    codes = frozenset(entry.texts("endangered_residences"))
    for code in sorted(codes - RESIDENCES):
        entry.refuse(f"“{code}” is no residence: two capital letters of ISO 3166-1", "endangered_residences")
    return codes


def _letter(folder: Path, language: Language) -> LetterFile:
    path = folder / f"{language.code}.txt"
    try:
        return LetterFile(path, path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise AppealError(f"{path}:{line}: this is not UTF-8 text; save the file as UTF-8") from error
    except OSError as error:
        raise AppealError(
            f"{path}:1: the letter in {language.name} cannot be read: {error.strerror}"
        ) from error
