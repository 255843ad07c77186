"""The parts of an appeal, as plain values read from its folder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Self

from campaign.reference.language import LANGUAGES, Language
from campaign.reference.residence import UNSTATED


class Ask(StrEnum):
    """The request of a letter, which depends on the instrument of its state."""

    PROPOSE = "propose"
    """Propose a listing by the European Union, for its members."""
    DESIGNATE_UK = "designate_uk"
    DESIGNATE_US = "designate_us"
    DESIGNATE_CA = "designate_ca"
    ALIGN = "align"
    """Support a listing by the European Union and align with it."""
    ALIGN_NATIONAL = "align_national"
    """The same, under a national law that follows the European Union's measures."""
    OWN_INITIATIVE = "own_initiative"
    """Act under a law that allows an own decision as well as joining that of others."""
    CONSIDER_ADOPTING = "consider_adopting"
    """Consider adopting the European Union's listing, where the state decides on each listing."""
    GENERAL = "general"
    """Raise the cases and support visa bans, for states without a known instrument."""
    INVESTIGATE = "investigate"
    """Investigate and end the prosecutions, without sanctions; for the accused state alone."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change in the life or office of a person after March 2021."""

    when: str
    """A day, month or period as text: ``5 January 2022``."""
    statement: str
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person on whom the call asks for sanctions."""

    id: str
    name: str
    """In the spelling of the source."""
    name_ru: str
    name_kk: str
    """Empty if no source confirms the form."""
    office: str
    """In the words of the source; true on ``office_as_of`` only, so never shown without that date."""
    office_as_of: date
    since: str
    """Later changes in one dated sentence, which follows "Since then:" in a letter."""
    confirmed_to: str
    """The last date that sources confirm, as text."""
    changes: tuple[Change, ...]
    """Later changes in detail, for the person's page; oldest first."""
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement of the source; always attributed to it, with its date."""

    id: str
    kind: str
    """``event``, ``allegation``, ``figure``, ``opinion`` or ``call``."""
    statement: str
    """In our own words; for a ``figure``, the text that follows the figure."""
    quote: str
    """A quotation of at most a clause, or empty."""
    figure: str
    """The figure exactly as in the source, or empty."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """A person for whom the campaign speaks, and what the source says happened to them."""

    name: str
    """In the spelling of the source."""
    statement: str


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """The law under which a state can act, and the request that follows from it."""

    id: str
    """States with the same instrument share it."""
    state_code: str
    ask: Ask
    name: str
    citation: str
    grounds: str
    """The applicable grounds, as a clause for the letter; or empty."""
    national: str
    """An additional measure under national law, to follow a colon; or empty."""
    as_of: str
    """The text or practice that this describes, for organisers."""
    valid_until: date | None
    """The last day for which sources confirm it in force; later, organisers must check."""
    organiser_note: str
    """A note for organisers to read before they send this letter; or empty."""
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """The published statement on which the appeal is based."""

    organisation: str
    short_name: str
    title: str
    date: str
    """As precise as it is known: ``March 2021``."""
    url: str
    is_title_english: bool = True
    """Whether the title stands as published: pages mark it as English for screen readers."""


@dataclass(frozen=True)
class LetterFile:
    """The template of the letter in one language, read once."""

    path: Path
    text: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Texts:
    """What an appeal says, in one language."""

    title: str
    """The name of the campaign, everywhere."""
    call: str
    """The head of the home page."""
    summary: str
    why_now: str
    """Why the call still matters; or empty."""
    person_note: str
    """A sentence for each person's page, such as what the source does not say of them; or empty."""
    source: Source
    persons: tuple[Person, ...]
    claims: tuple[Claim, ...]
    named: tuple[Named, ...]
    instruments: Mapping[str, Instrument]
    """One for each of the 57 states, by code."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Appeal(Texts):
    """All content of letters and pages, with its texts in English; compared by identity."""

    accused_state: str
    no_names_to: frozenset[str]
    """States whose delegations receive counts and no names."""
    endangered_residences: frozenset[str]
    """Residences where signing is dangerous, so that the form warns."""
    translations: Mapping[str, Texts]
    """The texts in every other language of the campaign."""
    letters: Mapping[str, LetterFile]
    """Letter templates in every language of the campaign."""

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages of the campaign: English, and those in which every text and the letter is given."""
        return tuple(LANGUAGES[code] for code in self.letters)

    @cached_property
    def wary_residences(self) -> frozenset[str]:
        """Residences whose authorities may be hostile to signing, beside the endangered ones."""
        return frozenset(code.upper() for code in self.no_names_to) - self.endangered_residences

    def is_sensitive_residence(self, code: str) -> bool:
        """Whether a visible sign of the campaign could harm who lives there, or does not say where."""
        return code == UNSTATED or code in self.endangered_residences or code in self.wary_residences

    def in_language(self, language: str) -> Self:
        """Return a copy with its texts in *language*; in English if the campaign is not in it."""
        texts = self.translations.get(language)
        return replace(self, **vars(texts)) if texts else self
