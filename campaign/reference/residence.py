"""Residences of signatories: the codes of ISO 3166-1 and Kosovo's, with a name in each language."""

from collections.abc import Collection

from babel import Locale

from campaign.reference.alphabet import sort_key
from campaign.reference.language import wording
from campaign.reference.participating_state import STATES

UNSTATED = "ZZ"
"""The code for "rather not say"."""

ELSEWHERE = "XX"
"""All residences together that a table does not name; no signatory has it."""

# Two-letter territories of CLDR that ISO 3166-1 does not assign: exceptional reservations,
# groupings, pseudo-territories and user-assigned codes. Kosovo has no code of ISO's: "XK" is one of those
# that ISO leaves to users, and the one that CLDR uses.
_NOT_ISO = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB"})

RESIDENCES = frozenset(code for code in map(str, Locale("en").territories) if code.isalpha()) - _NOT_ISO
"""All assigned alpha-2 codes, in upper case, Kosovo's ``XK``, and :data:`UNSTATED`."""


def name(code: str, language: str) -> str:
    """Return the name of a residence: the OSCE's for its 57 states, CLDR's for all others."""
    if code == UNSTATED:
        return wording(language).gettext("Not stated")
    if code == ELSEWHERE:
        return wording(language).gettext("Elsewhere")
    state = STATES.get(code.lower())
    return state.name(language) if state else str(Locale(language).territories.get(code, code))


def choices(language: str, codes: Collection[str] = RESIDENCES) -> list[tuple[str, str]]:
    """Return code and name of *codes* except :data:`UNSTATED`, sorted by name in *language*."""
    named = [(code, name(code, language)) for code in codes if code != UNSTATED]
    return sorted(named, key=lambda each: (sort_key(each[1], language), each[1]))
