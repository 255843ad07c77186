"""The part of the form that signs further letters with the same details."""

from typing import NamedTuple

from flask_babel import lazy_gettext as _
from wtforms import StringField
from wtforms.validators import StopValidation

from campaign.appeal.content import Appeal, Ask
from campaign.reference.language import Language
from campaign.reference.participating_state import STATES, ParticipatingState, states_in_order
from campaign.web.base_form import TokenlessForm

SANCTIONS, GENERAL, INVESTIGATION = "sanctions", "general", "investigation"
"""What letters ask for: sanctions under a law that is known, visa bans as far as a law allows them, or an
investigation only."""

_KINDS = {Ask.GENERAL: GENERAL, Ask.INVESTIGATE: INVESTIGATION}


CHOOSE = "choose"
"""The value of :attr:`AlsoForm.also` that asks for the list of letters. It is not on every page: 56 letters
are more than the rest of the form."""


class StatesField(StringField):  # type: ignore[misc]  # WTForms has no type annotations
    """Codes of States, each once; a form may send none."""

    data: list[str]
    is_asked = False
    """Whether the list is asked for."""
    is_shown = False
    """Whether the page has the list: it sends an empty value with the codes."""

    def process_data(self, value: object) -> None:
        """Begin with none."""
        del value
        self.data = []

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the codes, in any case."""
        codes = dict.fromkeys(text.strip().lower() for text in valuelist)
        self.is_asked, self.is_shown = CHOOSE in codes, bool(codes)
        self.data = [code for code in codes if code not in {"", CHOOSE}]


class AlsoForm(TokenlessForm):
    """Choose further letters."""

    also = StatesField(_("Also sign the letters to other delegations"))

    @property
    def asks_for_letters(self) -> bool:
        """Whether the list of letters is asked for: nothing is signed yet."""
        return self.also.is_asked

    def validate_also(self, field: StatesField) -> None:
        """Refuse codes of no State: somebody would believe that they had signed that letter."""
        if not STATES.keys() >= set(field.data):
            raise StopValidation(_("Choose the other letters from the list."))

    def also_to(self, state: ParticipatingState) -> list[str]:
        """Return the States of the further letters, beside that to *state*."""
        return [code for code in self.also.data if code != state.code]


class FurtherLetter(NamedTuple):
    """A letter that can be signed together with another one."""

    state: ParticipatingState
    names_withheld: bool
    """Whether its delegation gets the number of signatures only."""


def further_letters(
    appeal: Appeal, state: ParticipatingState, language: Language
) -> dict[str, list[FurtherLetter]]:
    """Return the letters beside that to *state*, sorted by name, by what they ask for."""
    found: dict[str, list[FurtherLetter]] = {SANCTIONS: [], GENERAL: [], INVESTIGATION: []}
    for each in states_in_order(language):
        if each.code != state.code:
            kind = _KINDS.get(appeal.instruments[each.code].ask, SANCTIONS)
            found[kind].append(FurtherLetter(each, each.code in appeal.no_names_to))
    return {kind: letters for kind, letters in found.items() if letters}
