"""The campaign's content: the accused state, persons, claims, instruments, and where its letters lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Change:
    """What happened to a person after the office was as the appeal says."""

    when: str
    """A day, month or span in words, such as ``5 January 2022``."""
    statement: str
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Person:
    """One of those for whom the call asks sanctions."""

    id: str
    name: str
    name_ru: str
    name_kk: str
    """Empty where no source confirms the form."""
    office: str
    office_as_of: date
    since: str
    """One dated sentence for the letter, complete after "Since then: "."""
    changes: tuple[Change, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement of the source."""

    id: str
    kind: str
    """``event``, ``allegation``, ``figure``, ``opinion`` or ``call``."""
    statement: str
    """In our own words."""
    quote: str
    """At most a clause of the source's own words, or empty."""
    figure: str
    """The number as the source gives it, or empty."""


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """The law under which a state can act, and so what its letter asks."""

    state_code: str
    ask: str
    name: str
    citation: str
    grounds: str
    national: str
    """A national act that can go with it, for the sentence of the letter; or empty."""
    as_of: str
    valid_until: date | None
    organiser_note: str
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the appeal comes from."""

    organisation: str
    title: str
    url: str
    date: str
    """As far as it is known: ``March 2021``."""


@dataclass(frozen=True, kw_only=True)
class Appeal:
    """Everything that letters and pages say."""

    title: str
    summary: str
    source: Source
    accused_state: str
    no_names_to: frozenset[str]
    endangered_residences: frozenset[str]
    persons: tuple[Person, ...]
    claims: tuple[Claim, ...]
    instruments: Mapping[str, Instrument]
    """By state code."""
    letters: Path
    """The folder of ``<language>.txt``."""


def load(folder: Path | None = None) -> Appeal:
    """Return the shipped appeal, or the one in *folder*.

    Raises:
        AppealError: With file, line and one sentence.
    """
    raise NotImplementedError
