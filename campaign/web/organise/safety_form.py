"""The forms of the safety lists: edit the lists, and confirm the change."""

from itertools import starmap

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, SelectField, SelectMultipleField
from wtforms.fields import SelectChoice
from wtforms.validators import StopValidation

from campaign.disclosure.safety_list import Change, SafetyLists
from campaign.reference import participating_state, residence
from campaign.web.base_form import Form
from campaign.web.serving.language import current_language


class SafetyForm(Form):
    """The new lists."""

    no_names_to = SelectMultipleField(
        choices=lambda: list(starmap(SelectChoice, participating_state.choices(current_language())))
    )
    endangered = SelectMultipleField(validate_choice=False)
    more = SelectField(
        _("Add a place"),
        choices=lambda: [
            SelectChoice("", _("None")),
            *starmap(SelectChoice, residence.choices(current_language().code)),
        ],
    )

    def change(self, current: SafetyLists, accused_state: str) -> Change:
        """Return how the new lists differ from *current*; the accused state stays on both."""
        states = frozenset(self.no_names_to.data) | {accused_state}
        residences = frozenset(self.endangered.data) | {accused_state.upper()}
        residences |= {self.more.data} if self.more.data else set()
        return Change(
            withhold=states - current.no_names_to,
            release=current.no_names_to - states,
            protect=residences - current.endangered_residences,
            unprotect=current.endangered_residences - residences,
        )


class SafetyChangeForm(Form):
    """The change as its page showed it; a change that removes protection needs a tick."""

    withhold = SelectMultipleField(validate_choice=False)
    release = SelectMultipleField(validate_choice=False)
    protect = SelectMultipleField(validate_choice=False)
    unprotect = SelectMultipleField(validate_choice=False)
    sure = BooleanField(_("I have read what this means for the people who signed, and want it all the same."))

    @classmethod
    def of(cls, change: Change) -> "SafetyChangeForm":
        """Return the form with *change* in its hidden fields."""
        parts = {
            name: sorted(getattr(change, name)) for name in ("withhold", "release", "protect", "unprotect")
        }
        return cls(formdata=None, **parts)

    def change(self) -> Change:
        """Return the change in the hidden fields."""
        return Change(
            withhold=frozenset(self.withhold.data),
            release=frozenset(self.release.data),
            protect=frozenset(self.protect.data),
            unprotect=frozenset(self.unprotect.data),
        )

    def validate_sure(self, field: BooleanField) -> None:
        """Require the tick if somebody could lose protection."""
        if self.change().loosens and not field.data:
            raise StopValidation(_("Tick the box once you have read what this means."))
