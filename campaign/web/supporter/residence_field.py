"""Where a signatory lives: two places to tap, and a list of all others."""

from functools import lru_cache
from typing import Any, NamedTuple

from flask_babel import gettext
from wtforms import Field

from campaign.reference import residence
from campaign.reference.participating_state import ParticipatingState

ENDANGERED, WARY, UNSTATED, ELSEWHERE = "endangered", "wary", "unstated", "elsewhere"
"""Kinds of advice before signing: where signing is dangerous, where authorities may be hostile to it,
for those who do not say where they live, and for everyone else."""

LISTED = "listed"
"""The value of the button before the list: the residence is the one that is chosen there."""


class Place(NamedTuple):
    """A residence that the form offers."""

    code: str
    name: str
    advice: str
    """The kind of advice; empty for most."""


class Places(NamedTuple):
    """The residences of one letter's form."""

    first: tuple[Place, ...]
    """The State of the letter, and "I would rather not say"."""
    others: tuple[Place, ...]
    """All others, sorted by name."""


class ResidenceField(Field):  # type: ignore[misc]  # WTForms has no type annotations
    """One residence, sent by a button or by the list; its data is a code, or empty."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the first value that is a code: the buttons come before the list, which is always sent."""
        self.data = next((value for value in valuelist if value not in {"", LISTED}), "")

    def is_listed(self, places: Places) -> bool:
        """Whether the list was used, rather than one of the buttons before it."""
        is_first = self.data in {place.code for place in places.first}
        return not is_first and (bool(self.data) or LISTED in (self.raw_data or []))


def places_for(
    language: str, state: ParticipatingState, endangered: frozenset[str], wary: frozenset[str]
) -> Places:
    """Return the residences that the form of the letter to *state* offers.

    Args:
        language: Of the page.
        state: The participating state whose delegation the letter is for.
        endangered: Codes of residences where signing is dangerous.
        wary: Codes of other residences whose authorities may be hostile to it.
    """
    listed = _sorted_places(language, endangered, wary)
    own = state.code.upper()
    unstated = Place(residence.UNSTATED, gettext("I would rather not say"), UNSTATED)
    return Places(
        first=(*(place for place in listed if place.code == own), unstated),
        others=tuple(place for place in listed if place.code != own),
    )


@lru_cache(maxsize=32)
def _sorted_places(language: str, endangered: frozenset[str], wary: frozenset[str]) -> tuple[Place, ...]:
    # Cached, since sorting 250 names takes longer than rendering them.
    kinds = dict.fromkeys(wary, WARY) | dict.fromkeys(endangered, ENDANGERED)
    return tuple(Place(code, name, kinds.get(code, "")) for code, name in residence.choices(language))


def advice_for(code: Any, endangered: frozenset[str], wary: frozenset[str]) -> str:
    """Return the kind of advice for a residence; empty while none is chosen."""
    if not code:
        return ""
    if code in endangered:
        return ENDANGERED
    if code in wary:
        return WARY
    return UNSTATED if code == residence.UNSTATED else ELSEWHERE
