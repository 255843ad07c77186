"""Who may see a name: the choices, and the form that changes it later."""

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import RadioField
from wtforms.fields import SelectChoice
from wtforms.validators import StopValidation

from campaign.signature.model import COUNTED, DELEGATION, PUBLIC
from campaign.web.base_form import TokenlessForm

DISCLOSURE_CHOICES = [
    SelectChoice(PUBLIC, _("Everyone")),
    SelectChoice(DELEGATION, _("The delegation only")),
    SelectChoice(COUNTED, _("No one: count me without my name")),
]

CAREFUL_CHOICES = DISCLOSURE_CHOICES[1:]
"""The choices of those whose name must not be published."""

NOT_PUBLISHED = _(
    "Where you live, a name that everyone can see could be used against you, so we publish none. "
    "Please choose one of these."
)


class DisclosureForm(TokenlessForm):
    """Change who may see the name; names of endangered residents are not published."""

    disclosure = RadioField(_("Who may see my name?"), choices=DISCLOSURE_CHOICES, validate_choice=False)

    def __init__(self, *args: Any, is_endangered: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_endangered = is_endangered
        if is_endangered:
            self.disclosure.choices = CAREFUL_CHOICES

    def validate_disclosure(self, field: RadioField) -> None:
        """Accept only the offered choices."""
        refuse_unknown(field)
        if self.is_endangered and field.data == PUBLIC:
            raise StopValidation(NOT_PUBLISHED)


def refuse_unknown(field: RadioField) -> None:
    """Refuse a choice that there is not."""
    if field.data not in {choice.value for choice in DISCLOSURE_CHOICES}:
        raise StopValidation(_("Choose who may see your name."))
