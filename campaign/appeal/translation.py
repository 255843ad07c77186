"""Read an appeal's texts in another language; every mistake is an error with file and line.

A language has one file, ``<language>.toml``. It has each text of the English files and no other, in tables
with the same ids; those ``[[named]]`` and a person's changes are in the same order as in English.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeVar

from campaign.appeal.content import Change, Claim, Instrument, Named, Person, Source, Texts
from campaign.appeal.entry import Entry, read

_TABLES = ("appeal", "source", "person", "claim", "named", "instrument")
_APPEAL = ("title", "call", "summary", "why_now", "person_note")
_SOURCE = ("organisation", "short_name", "title", "date")
_PERSON = ("name", "office", "since", "confirmed_to")
_CHANGE = ("when", "statement")
_CLAIM = ("statement", "quote", "figure")
_NAMED = ("name", "statement")
_INSTRUMENT = ("name", "citation", "grounds", "as_of", "note")


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


_Part = TypeVar("_Part")
_IdentifiedPart = TypeVar("_IdentifiedPart", bound=_Identified)


def read_texts(path: Path, english: Texts) -> Texts:
    """Return the texts in the file *path*, which must be all those of *english*.

    Raises:
        AppealError: A text is missing or unknown; the message gives file and line.
    """
    file = read(path)
    file.refuse_unknown(_TABLES)
    return Texts(
        **dict.fromkeys(_APPEAL, "") | _texts(file.required_table("appeal"), vars(english), _APPEAL),
        source=_source(file.required_table("source"), english.source),
        persons=tuple(_person(*each) for each in _by_id(file, "person", english.persons)),
        claims=tuple(_claim(*each) for each in _by_id(file, "claim", english.claims)),
        named=tuple(_named(*each) for each in _in_order(file, "named", english.named)),
        instruments=_instruments(file, english.instruments),
    )


def _texts(
    entry: Entry, english: Mapping[str, object], fields: Iterable[str], *tables: str
) -> dict[str, str]:
    """Return those *fields* that are not empty in *english*; any other is refused, except *tables*."""
    needed = [field for field in fields if english[field]]
    entry.refuse_unknown({*needed, *tables})
    return {field: entry.text(field) for field in needed}


def _by_id(file: Entry, name: str, english: Iterable[_IdentifiedPart]) -> list[tuple[Entry, _IdentifiedPart]]:
    """Return the table ``[name.id]`` of each English part."""
    parts = {part.id: part for part in english}
    below = file.required_table(name) if parts else None
    if below is None:
        return []
    below.refuse_unknown(parts)
    return [(below.required_table(f"{name}.{key}"), part) for key, part in parts.items()]


def _in_order(entry: Entry, name: str, english: tuple[_Part, ...]) -> list[tuple[Entry, _Part]]:
    """Return the tables ``[[name]]`` with the English parts; there must be as many."""
    found = entry.tables(name)
    if len(found) != len(english):
        entry.refuse(
            f"there are {len(found)} tables [[{name}]]; English has {len(english)}", name.rpartition(".")[2]
        )
    return list(zip(found, english, strict=True))


def _source(entry: Entry, english: Source) -> Source:
    texts = _texts(entry, vars(english), _SOURCE)
    return replace(english, **texts, is_title_english=texts["title"] == english.title)


def _person(entry: Entry, english: Person) -> Person:
    changes = _in_order(entry, f"person.{english.id}.change", english.changes)
    return replace(
        english,
        **_texts(entry, vars(english), _PERSON, "change"),  # type: ignore[arg-type]
        changes=tuple(_change(*each) for each in changes),
    )


def _change(entry: Entry, english: Change) -> Change:
    return replace(english, **_texts(entry, vars(english), _CHANGE))  # type: ignore[arg-type]


def _claim(entry: Entry, english: Claim) -> Claim:
    return replace(english, **_texts(entry, vars(english), _CLAIM))


def _named(entry: Entry, english: Named) -> Named:
    return replace(english, **_texts(entry, vars(english), _NAMED))


def _instruments(file: Entry, english: Mapping[str, Instrument]) -> Mapping[str, Instrument]:
    """Return the instruments by state; states with the same instrument share one table."""
    by_id = sorted(english.values(), key=lambda each: each.id)
    shared = {key: list(group) for key, group in groupby(by_id, key=lambda each: each.id)}
    found: dict[str, Instrument] = {}
    for entry, first in _by_id(file, "instrument", [group[0] for group in shared.values()]):
        nationals = {each.state_code: each.national for each in shared[first.id] if each.national}
        tables = ("national",) if nationals else ()
        texts = _texts(entry, {**vars(first), "note": first.organiser_note}, _INSTRUMENT, *tables)
        texts["organiser_note"] = texts.pop("note", "")
        national = (
            _texts(entry.required_table(f"instrument.{first.id}.national"), nationals, nationals)
            if nationals
            else {}
        )
        for each in shared[first.id]:
            own = texts | {"national": national.get(each.state_code, "")}
            found[each.state_code] = replace(each, **own)  # type: ignore[arg-type]
    return MappingProxyType({code: found[code] for code in english})
