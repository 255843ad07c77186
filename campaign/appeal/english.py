"""Read an appeal's texts in English; every mistake is an error with file and line."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from campaign.appeal.content import Ask, Change, Claim, Instrument, Named, Person, Source, Texts
from campaign.appeal.entry import Entry, read
from campaign.reference.participating_state import STATES

CLAIM_KINDS = ("event", "allegation", "figure", "opinion", "call")

_SOURCE = {"organisation", "short_name", "title", "date", "url"}
_PERSON = {
    "id", "name", "name_ru", "name_kk", "office", "office_as_of", "since", "confirmed_to",
    "sources", "change",
}  # fmt: skip
_CHANGE = {"when", "statement", "sources"}
_CLAIM = {"id", "kind", "statement", "quote", "figure"}
_NAMED = {"name", "statement"}
_INSTRUMENT = {
    "id", "states", "ask", "name", "citation", "grounds", "national", "as_of", "valid_until", "note",
    "sources",
}  # fmt: skip


def read_english(entry: Entry, content: Path, accused: str) -> Texts:
    """Return the texts of ``appeal.toml``, which is *entry*, and of the other files in the folder *content*.

    Raises:
        AppealError: A text is missing or invalid; the message gives file and line.
    """
    claims = read(content / "claims.toml")
    return Texts(
        title=entry.text("title"),
        call=entry.text("call"),
        summary=entry.text("summary"),
        why_now=entry.text("why_now", may_be_empty=True),
        person_note=entry.text("person_note", may_be_empty=True),
        source=_source(entry.required_table("source")),
        persons=_persons(read(content / "persons.toml")),
        claims=_claims(claims),
        named=tuple(_named(each) for each in claims.tables("named")),
        instruments=_instruments(read(content / "instruments.toml"), accused),
    )


def _source(entry: Entry) -> Source:
    entry.refuse_unknown(_SOURCE)
    texts = {field: entry.text(field) for field in _SOURCE - {"url"}}
    return Source(**texts, url=entry.link("url"))  # type: ignore[arg-type]


def _persons(file: Entry) -> tuple[Person, ...]:
    file.refuse_unknown({"person"})
    entries = file.tables("person")
    _check_distinct_ids(entries)
    if not entries:
        file.refuse("there is no [[person]]")
    return tuple(_person(entry) for entry in entries)


def _person(entry: Entry) -> Person:
    entry.refuse_unknown(_PERSON)
    texts = {field: entry.text(field) for field in ("name", "office", "since", "confirmed_to")}
    return Person(
        id=entry.slug("id"),
        **texts,
        name_ru=entry.text("name_ru", may_be_empty=True),
        name_kk=entry.text("name_kk", may_be_empty=True),
        office_as_of=entry.day("office_as_of"),
        changes=tuple(_change(each) for each in entry.tables("person.change")),
        sources=entry.sources("sources"),
    )


def _change(entry: Entry) -> Change:
    entry.refuse_unknown(_CHANGE)
    return Change(
        when=entry.text("when"),
        statement=entry.text("statement"),
        sources=entry.sources("sources"),
    )


def _claims(file: Entry) -> tuple[Claim, ...]:
    file.refuse_unknown({"claim", "named"})
    entries = file.tables("claim")
    _check_distinct_ids(entries)
    for entry in entries:
        entry.refuse_unknown(_CLAIM)
        if entry.text("kind") not in CLAIM_KINDS:
            entry.refuse(f"“{entry.text('kind')}” is no kind; known are {', '.join(CLAIM_KINDS)}", "kind")
    return tuple(
        Claim(
            id=entry.slug("id"),
            kind=entry.text("kind"),
            statement=entry.text("statement"),
            quote=entry.text("quote", may_be_empty=True),
            figure=entry.text("figure", may_be_empty=True),
        )
        for entry in entries
    )


def _named(entry: Entry) -> Named:
    entry.refuse_unknown(_NAMED)
    return Named(name=entry.text("name"), statement=entry.text("statement"))


def _instruments(file: Entry, accused: str) -> Mapping[str, Instrument]:
    file.refuse_unknown({"instrument"})
    found: dict[str, Instrument] = {}
    entries = file.tables("instrument")
    _check_distinct_ids(entries)
    for entry in entries:
        for code in entry.texts("states"):
            if state_code(entry, "states", code) in found:
                entry.refuse(f"“{code}” has an instrument already; each state has one", "states")
            found[code] = _instrument(entry, code)
            if (code == accused) != (found[code].ask == Ask.INVESTIGATE):
                entry.refuse("the accused state, and no other, is asked to “investigate”", "ask")
    if missing := [code for code in STATES if code not in found]:
        file.refuse(f"no instrument is given for {', '.join(missing)}; each of the 57 states needs one")
    return MappingProxyType({code: found[code] for code in STATES})


def _instrument(entry: Entry, code: str) -> Instrument:
    entry.refuse_unknown(_INSTRUMENT)
    if entry.text("ask") not in list(Ask):
        entry.refuse(f"“{entry.text('ask')}” is no ask; known are {', '.join(Ask)}", "ask")
    nationals = entry.table("instrument.national")
    for state in nationals.fields if nationals else ():
        if state not in entry.fields["states"]:
            entry.refuse(f"“{state}” has a national measure here, but is not among “states”", "states")
    national = nationals.table(f"instrument.national.{code}") if nationals else None
    if national:
        national.refuse_unknown({"text", "sources"})
    return Instrument(
        id=entry.text("id"),
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
    )


def state_code(entry: Entry, field: str, code: str) -> str:
    """Return *code*, which must be that of a participating state."""
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
