"""The forms to search signatures, and to give the reason for taking them off the count."""

from functools import cache
from itertools import starmap
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import DateField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import Optional, StopValidation

from campaign.reference import participating_state, residence
from campaign.reference.participating_state import STATES
from campaign.signature.model import DOMAIN, NETWORK, ROBOT
from campaign.signature.search import ANY, CONFIRMED, PENDING, Criteria
from campaign.web.base_form import Form, TokenlessForm
from campaign.web.field import AtMost, Readable, one_line
from campaign.web.serving.language import current_language

HOLD_CHOICES = [
    SelectChoice("", _("Held or not")),
    SelectChoice(ANY, _("Held, for whatever reason")),
    SelectChoice(NETWORK, _("Held: many from one network")),
    SelectChoice(DOMAIN, _("Held: many with one mail domain")),
    SelectChoice(ROBOT, _("Held: filled in like a program")),
]

STAGE_CHOICES = [
    SelectChoice("", _("Confirmed or not")),
    SelectChoice(CONFIRMED, _("Confirmed")),
    SelectChoice(PENDING, _("Not confirmed yet")),
]


class CriteriaForm(TokenlessForm):
    """Search criteria; an empty field matches each signature. It stands inside forms that have a token."""

    state = SelectField(_("Letter to"), validate_choice=False)
    residence = SelectField(_("Living in"), validate_choice=False)
    signed_from = DateField(_("Signed from"), validators=[Optional()])
    signed_to = DateField(_("Signed until"), validators=[Optional()])
    domain = StringField(
        _("Mail domain"),
        description=_("Such as example.org; what stands before it is included."),
        filters=[one_line],
        validators=[Readable(), AtMost(200)],
        render_kw={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"},
    )
    held_for = SelectField(_("Held"), choices=HOLD_CHOICES, default="")
    stage = SelectField(_("Confirmed"), choices=STAGE_CHOICES, default="")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = current_language()
        everywhere = SelectChoice("", _("All"))
        self.state.choices = [
            everywhere,
            *starmap(SelectChoice, participating_state.choices(language)),
        ]
        self.residence.choices = [
            everywhere,
            SelectChoice("ZZ", _("Not stated")),
            *_residences(language.code),
        ]

    def validate_state(self, field: SelectField) -> None:
        """Accept a participating state, or none."""
        if field.data and field.data not in STATES:
            raise StopValidation(_("Choose a State from the list."))

    def validate_residence(self, field: SelectField) -> None:
        """Accept a listed residence, or none."""
        if field.data and field.data not in residence.RESIDENCES:
            raise StopValidation(_("Choose a place from the list."))

    def validate_domain(self, field: StringField) -> None:
        """Reduce the input to the domain: a whole address or a leading @ is accepted."""
        field.data = (field.data or "").rpartition("@")[2].strip(".").casefold()
        if field.data and ("." not in field.data or " " in field.data):
            raise StopValidation(_("A mail domain looks like example.org."))

    def criteria(self) -> Criteria:
        """Return the search criteria."""
        return Criteria(
            state_code=self.state.data or "",
            residence=self.residence.data or "",
            signed_from=self.signed_from.data,
            signed_to=self.signed_to.data,
            held_for=self.held_for.data or "",
            stage=self.stage.data or "",
            domain=self.domain.data or "",
        )


class DecisionForm(Form):
    """The reason for taking signatures off the count."""

    reason = StringField(
        _("Your reason"),
        description=_("For the other organisers; it is kept sealed. You can undo this later."),
        filters=[one_line],
        validators=[Readable(), AtMost(500)],
        render_kw={"autocomplete": "off"},
    )

    def validate_reason(self, field: StringField) -> None:
        """Require a reason."""
        if not field.data:
            raise StopValidation(_("Say why, so that the others understand it later."))


@cache
def _residences(language: str) -> tuple[SelectChoice, ...]:
    return tuple(SelectChoice(*each) for each in residence.choices(language))
