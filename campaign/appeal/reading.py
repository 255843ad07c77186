"""Read an appeal from its folder; every mistake is an error with file and line.

A folder holds ``appeal.toml``, ``persons.toml``, ``claims.toml``, ``instruments.toml`` and
``letters/<language>.txt``. A field may have translations: ``office_fr`` translates ``office``.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from campaign.appeal.content import Appeal, Ask, Change, Claim, Instrument, LetterFile, Named, Person, Source
from campaign.appeal.entry import Entry, read
from campaign.errors import AppealError
from campaign.paths import PACKAGE, TEMPLATES
from campaign.reference.language import ENGLISH, LANGUAGES, finished_languages
from campaign.reference.participating_state import STATES
from campaign.reference.residence import RESIDENCES

CLAIM_KINDS = ("event", "allegation", "figure", "opinion", "call")

_APPEAL = {
    "title", "call", "summary", "why_now", "person_note",
    "accused_state", "no_names_to", "endangered_residences", "source",
}  # fmt: skip
_SOURCE = {"organisation", "short_name", "title", "date", "url"}
_PERSON = {"id", "name", "office", "office_as_of", "since", "confirmed_to", "sources", "change"}
_CHANGE = {"when", "statement", "sources"}
_CLAIM = {"id", "kind", "statement", "quote", "figure"}
_INSTRUMENT = {
    "states", "ask", "name", "citation", "grounds", "national", "as_of", "valid_until", "note", "sources",
}  # fmt: skip


def load(folder: Path | None = None) -> Appeal:
    """Return the shipped appeal, or the one in *folder*.

    Raises:
        AppealError: The content is invalid; the message gives file and line.
    """
    return _shipped() if folder is None else _load(folder, folder / "letters")


@cache
def _shipped() -> Appeal:
    """Return the shipped appeal, always the same object: composed letters are cached by it."""
    return _load(PACKAGE / "data" / "appeal", TEMPLATES / "letters")


def _load(content: Path, letters: Path) -> Appeal:
    entry = read(content / "appeal.toml")
    translations = _translations(entry, _APPEAL, ("title", "call", "summary", "why_now", "person_note"))
    accused = _state(entry, "accused_state", entry.text("accused_state"))
    no_names_to = frozenset(_state(entry, "no_names_to", code) for code in entry.texts("no_names_to"))
    if accused not in no_names_to:
        entry.refuse(f"the accused state “{accused}” must be in “no_names_to”", "no_names_to")
    claims = read(content / "claims.toml")
    return Appeal(
        title=entry.text("title"),
        call=entry.text("call"),
        summary=entry.text("summary"),
        why_now=entry.text("why_now", may_be_empty=True),
        person_note=entry.text("person_note", may_be_empty=True),
        translations=translations,
        source=_source(entry),
        accused_state=accused,
        no_names_to=no_names_to,
        endangered_residences=_residences(entry),
        persons=_persons(read(content / "persons.toml")),
        claims=_claims(claims),
        named=tuple(_named(each) for each in claims.tables("named")),
        instruments=_instruments(read(content / "instruments.toml"), accused),
        letters=_letters(letters),
    )


def _source(appeal: Entry) -> Source:
    entry = appeal.table("source")
    if entry is None:
        appeal.refuse("the table [source] is missing")
    entry.refuse_unknown(_SOURCE)
    texts = {field: entry.text(field) for field in _SOURCE - {"url"}}
    return Source(**texts, url=entry.link("url"))


def _residences(entry: Entry) -> frozenset[str]:
    codes = frozenset(entry.texts("endangered_residences"))
    for code in sorted(codes - RESIDENCES):
        entry.refuse(f"“{code}” is no residence: two capital letters of ISO 3166-1", "endangered_residences")
    return codes


def _persons(file: Entry) -> tuple[Person, ...]:
    file.refuse_unknown({"person"})
    entries = file.tables("person")
    _check_distinct_ids(entries)
    if not entries:
        file.refuse("there is no [[person]]")
    return tuple(_person(entry) for entry in entries)


def _person(entry: Entry) -> Person:
    translations = _translations(entry, _PERSON, ("name", "office", "since"), needed=("office", "since"))
    texts = {field: entry.text(field) for field in ("name", "office", "since", "confirmed_to")}
    return Person(
        id=entry.slug("id"),
        **texts,
        name_ru=entry.text("name_ru", may_be_empty=True),
        name_kk=entry.text("name_kk", may_be_empty=True),
        office_as_of=entry.day("office_as_of"),
        changes=tuple(_change(each) for each in entry.tables("person.change")),
        sources=entry.sources("sources"),
        translations=translations,
    )


def _change(entry: Entry) -> Change:
    return Change(
        translations=_translations(entry, _CHANGE, ("when", "statement"), needed=("when", "statement")),
        when=entry.text("when"),
        statement=entry.text("statement"),
        sources=entry.sources("sources"),
    )


def _claims(file: Entry) -> tuple[Claim, ...]:
    file.refuse_unknown({"claim", "named"})
    entries = file.tables("claim")
    _check_distinct_ids(entries)
    for entry in entries:
        if entry.text("kind") not in CLAIM_KINDS:
            entry.refuse(f"“{entry.text('kind')}” is no kind; known are {', '.join(CLAIM_KINDS)}", "kind")
    return tuple(
        Claim(
            translations=_translations(
                entry, _CLAIM, ("statement", "quote", "figure"), needed=("statement",)
            ),
            id=entry.slug("id"),
            kind=entry.text("kind"),
            statement=entry.text("statement"),
            quote=entry.text("quote", may_be_empty=True),
            figure=entry.text("figure", may_be_empty=True),
        )
        for entry in entries
    )


def _named(entry: Entry) -> Named:
    texts = {field: entry.text(field) for field in ("name", "statement")}
    return Named(**texts, translations=_translations(entry, texts, texts, needed=("statement",)))


def _instruments(file: Entry, accused: str) -> Mapping[str, Instrument]:
    file.refuse_unknown({"instrument"})
    found: dict[str, Instrument] = {}
    for entry in file.tables("instrument"):
        for code in entry.texts("states"):
            if _state(entry, "states", code) in found:
                entry.refuse(f"“{code}” has an instrument already; each state has one", "states")
            found[code] = _instrument(entry, code)
            if (code == accused) != (found[code].ask == Ask.INVESTIGATE):
                entry.refuse("the accused state, and no other, is asked to “investigate”", "ask")
    if missing := [code for code in STATES if code not in found]:
        file.refuse(f"no instrument is given for {', '.join(missing)}; each of the 57 states needs one")
    return MappingProxyType({code: found[code] for code in STATES})


def _instrument(entry: Entry, code: str) -> Instrument:
    translations = _translations(entry, _INSTRUMENT, ("name", "citation", "grounds"))
    if entry.text("ask") not in list(Ask):
        entry.refuse(f"“{entry.text('ask')}” is no ask; known are {', '.join(Ask)}", "ask")
    nationals = entry.table("instrument.national")
    for state in nationals.fields if nationals else ():
        if state not in entry.fields["states"]:
            entry.refuse(f"“{state}” has a national measure here, but is not among “states”", "states")
    national = nationals.table(f"instrument.national.{code}") if nationals else None
    if national:
        for language, texts in _translations(national, {"text", "sources"}, ("text",)).items():
            translations.setdefault(language, {})["national"] = texts["text"]
    return Instrument(
        state_code=code,
        ask=Ask(entry.text("ask")),
        name=entry.text("name", may_be_empty=True),
        citation=entry.text("citation", may_be_empty=True),
        grounds=entry.text("grounds", may_be_empty=True),
        national=national.text("text") if national else "",
        as_of=entry.text("as_of"),
        valid_until=entry.day("valid_until") if "valid_until" in entry.fields else None,
        organiser_note=entry.text("note", may_be_empty=True),
        sources=(
            *(entry.sources("sources") if "sources" in entry.fields else ()),
            *(national.sources("sources") if national else ()),
        ),
        translations=translations,
    )


def _letters(folder: Path) -> Mapping[str, LetterFile]:
    letters = {}
    for language in finished_languages():
        path = folder / f"{language.code}.txt"
        try:
            letters[language.code] = LetterFile(path, path.read_text(encoding="utf-8-sig"))
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise AppealError(f"{path}:{line}: this is not UTF-8 text; save the file as UTF-8") from error
        except OSError as error:
            raise AppealError(
                f"{path}:1: the letter in {language.name} cannot be read: {error.strerror}"
            ) from error
    return MappingProxyType(letters)


def _translations(
    entry: Entry, known: Iterable[str], texts: Iterable[str], *, needed: Iterable[str] = ()
) -> dict[str, dict[str, str]]:
    """Return the fields with a language suffix, by language; refuse unknown fields."""
    codes = [code for code in LANGUAGES if code != ENGLISH.code]
    translated = {f"{text}_{code}": (text, code) for text in texts for code in codes}
    entry.refuse_unknown({*known, *translated})
    for language in finished_languages():
        for text in needed:
            if language != ENGLISH and f"{text}_{language.code}" not in entry.fields:
                entry.refuse(f"“{text}_{language.code}” is missing: the campaign is in {language.name} too")
    found: dict[str, dict[str, str]] = {}
    for field, (text, code) in translated.items():
        if field in entry.fields:
            found.setdefault(code, {})[text] = entry.text(field)
    return found


def _state(entry: Entry, field: str, code: str) -> str:
    if code not in STATES:
        entry.refuse(f"“{code}” is no participating state; states are given as “de” or “kz”", field)
    return code


def _check_distinct_ids(entries: Iterable[Entry]) -> None:
    seen: dict[Any, int] = {}
    for entry in entries:
        known = entry.text("id")
        if known in seen:
            entry.refuse(f"the id “{known}” is used in line {seen[known]} already", "id")
        seen[known] = entry.line("id")
