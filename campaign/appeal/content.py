"""What an appeal is made of; plain values, as read from its folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Self


class Ask(StrEnum):
    """What a letter asks; it follows from the instrument that the state has."""

    PROPOSE = "propose"
    """Propose a listing by the European Union, of which the state is a member."""
    DESIGNATE_UK = "designate_uk"
    DESIGNATE_US = "designate_us"
    DESIGNATE_CA = "designate_ca"
    ALIGN = "align"
    """Support a listing by the European Union, and align with it."""
    ALIGN_NATIONAL = "align_national"
    """The same, under a law of the state's own that follows the European Union's measures."""
    OWN_INITIATIVE = "own_initiative"
    """Act under a law that knows both ways: by its own decision, or by joining others'."""
    CONSIDER_ADOPTING = "consider_adopting"
    """Decide on adopting the European Union's listing, where each is decided on by itself."""
    GENERAL = "general"
    """Raise the cases and support visa bans, where no instrument is known."""
    INVESTIGATE = "investigate"
    """For the accused state alone: investigate and end the prosecutions; no sanctions."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Translated:
    """Something whose English texts may have translations beside them."""

    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False, hash=False)
    """By language: the fields that read differently in it."""

    def in_language(self, language: str) -> Self:
        """Return the same with its texts in *language* where they are translated."""
        return replace(self, **self.translations.get(language, {}))  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Change(Translated):
    """What happened to a person after March 2021."""

    when: str
    """A day, month or span in words: ``5 January 2022``."""
    statement: str
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Person(Translated):
    """One of those on whom the call asks for personal sanctions."""

    id: str
    name: str
    """As the source spells it."""
    name_ru: str
    name_kk: str
    """Empty where no source confirms the form."""
    office: str
    """As the source gives it; true for ``office_as_of`` only, so it is never shown without that date."""
    office_as_of: date
    since: str
    """What changed after that, in one dated sentence; a letter puts "Since then:" before it."""
    confirmed_to: str
    """Up to when sources confirm it, in words; what came later is not known to us."""
    changes: tuple[Change, ...]
    """The same at length, for the person's page; oldest first."""
    sources: tuple[str, ...]

    def in_language(self, language: str) -> Self:
        """Return the same person in *language*, with the changes."""
        changes = tuple(change.in_language(language) for change in self.changes)
        return replace(super().in_language(language), changes=changes)


@dataclass(frozen=True, kw_only=True)
class Claim(Translated):
    """One statement of the source; always shown as the source's, with its date."""

    id: str
    kind: str
    """``event``, ``allegation``, ``figure``, ``opinion`` or ``call``."""
    statement: str
    """In our own words; of a ``figure`` it goes on after the figure itself."""
    quote: str
    """At most a clause in the source's words, or empty."""
    figure: str
    """The figure exactly as the source has it, or empty."""


@dataclass(frozen=True, kw_only=True)
class Instrument(Translated):
    """The law under which one state can act, and so what its letter asks."""

    state_code: str
    ask: Ask
    name: str
    citation: str
    grounds: str
    """Which of its grounds fit, as a clause for the letter; or empty."""
    national: str
    """A measure under the state's own law that goes with it, to stand after a colon; or empty."""
    as_of: str
    """Which text or practice this describes, for organisers."""
    valid_until: date | None
    """The last day on which sources confirm it in force; after it organisers must check."""
    organiser_note: str
    """What organisers must know before they send this letter; or empty."""
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """The statement that the appeal comes from."""

    organisation: str
    short_name: str
    title: str
    date: str
    """As far as it is known: ``March 2021``."""
    url: str


@dataclass(frozen=True)
class LetterFile:
    """The letter in one language as its editors wrote it, read once."""

    path: Path
    text: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Appeal(Translated):
    """Everything that letters and pages say; two are equal only if they are the same object."""

    title: str
    summary: str
    source: Source
    accused_state: str
    no_names_to: frozenset[str]
    """States whose delegations are told how many signed, never who."""
    endangered_residences: frozenset[str]
    """Where living makes signing dangerous, so that the form warns."""
    persons: tuple[Person, ...]
    claims: tuple[Claim, ...]
    instruments: Mapping[str, Instrument]
    """By the code of each of the 57."""
    letters: Mapping[str, LetterFile]
    """By language; each finished one has a letter."""

    def in_language(self, language: str) -> Self:
        """Return the appeal as a page in *language* shows it."""
        return replace(
            super().in_language(language),
            persons=tuple(person.in_language(language) for person in self.persons),
            claims=tuple(claim.in_language(language) for claim in self.claims),
        )
