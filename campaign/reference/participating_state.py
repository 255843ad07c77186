"""The 57 participating States of the OSCE, with their names in each language."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from campaign.paths import PACKAGE
from campaign.reference.alphabet import folded, sort_key
from campaign.reference.language import ENGLISH, Language


@dataclass(frozen=True)
class ParticipatingState:
    """One of the 57; a letter is addressed to its delegation to the OSCE."""

    code: str
    """ISO 3166-1 alpha-2, in lower case, as in URLs."""
    osce_name: str
    """The name in the OSCE's list: ``Holy See``, ``The Netherlands``."""
    sentence_form: str
    """The form in an English sentence: ``the Holy See``, ``the Netherlands``."""
    long_name: str
    names: Mapping[str, str]
    """The name in each language, nominative, for lists, address blocks and after a colon."""
    is_eu_member: bool
    letter_languages: tuple[str, ...]
    """Languages for letters to its delegation, the best first."""

    def name(self, language: str) -> str:
        """Return the name in *language*, which must not be inflected."""
        return self.names[language]

    def in_sentence(self, language: str) -> str:
        """Return the name for a sentence such as ``confirm your letter to {state}``.

        English has a form for it. Other languages would inflect the name, so their sentences are
        translated with the name in brackets or after a colon.
        """
        return self.sentence_form if language == ENGLISH.code else self.name(language)

    @property
    def known_as(self) -> list[str]:
        """The names under which people look for it: in each language, and everyday ones."""
        return list(
            dict.fromkeys([*self.names.values(), self.osce_name, *_EVERYDAY_NAMES.get(self.code, ())])
        )


_EVERYDAY_NAMES = {
    "by": ("Belorussia",),
    "cz": ("Czech Republic",),
    "gb": ("UK", "Great Britain", "England", "Scotland", "Wales", "Northern Ireland"),
    "mk": ("Macedonia",),
    "nl": ("Holland",),
    "tr": ("Turkey",),
    "us": ("USA", "America"),
    "va": ("Vatican",),
}
"""What people type who look for a State; it is shown nowhere."""


def _read() -> dict[str, ParticipatingState]:
    folder = PACKAGE / "data"
    with (folder / "state_names.csv").open(encoding="utf-8", newline="") as file:
        names = {row.pop("code"): row for row in csv.DictReader(file)}
    with (folder / "participating_states.csv").open(encoding="utf-8", newline="") as file:
        states = [
            ParticipatingState(
                code=row["code"],
                osce_name=row["osce_name"],
                sentence_form=row["sentence_form"],
                long_name=row["long_name"],
                names=MappingProxyType(names[row["code"]]),
                is_eu_member=row["is_eu_member"] == "yes",
                letter_languages=tuple(row["letter_languages"].split()),
            )
            for row in csv.DictReader(file)
        ]
    states.sort(key=lambda state: sort_key(state.name(ENGLISH.code), ENGLISH.code))
    return {state.code: state for state in states}


STATES: Mapping[str, ParticipatingState] = MappingProxyType(_read())
"""The 57 states by code, sorted by English name."""


@cache
def states_in_order(language: Language) -> tuple[ParticipatingState, ...]:
    """Return the 57 states, sorted by their names in *language*."""
    by_name = sorted(STATES.values(), key=lambda state: sort_key(state.name(language.code), language.code))
    return tuple(by_name)


def choices(language: Language) -> list[tuple[str, str]]:
    """Return code and name of each state, sorted by the names in *language*."""
    return [(state.code, state.name(language.code)) for state in states_in_order(language)]


def state_named(name: str) -> ParticipatingState | None:
    """Return the state that is known by *name*, with or without its article and accents, in any alphabet."""
    return _by_known_name().get(_without_article(name))


@cache
def _by_known_name() -> dict[str, ParticipatingState]:
    return {_without_article(name): state for state in STATES.values() for name in state.known_as}


def _without_article(name: str) -> str:
    return folded(name).removeprefix("the ")
