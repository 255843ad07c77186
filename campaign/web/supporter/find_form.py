"""The forms that find a signature or a delivery."""

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import EmailField, StringField
from wtforms.validators import DataRequired, Optional, StopValidation

from campaign.sealing.code import read_code
from campaign.web.base_form import TokenlessForm
from campaign.web.field import Address, Deliverable, Readable, one_address, one_line


class FindSignatureForm(TokenlessForm):
    """Find a private page: by the code in a mail, or by a new mail with the links."""

    code = StringField(
        _("The code from our mail"),
        description=_("20 letters and digits. You can also paste the whole link."),
        filters=[one_line],
        validators=[Optional()],
        render_kw={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"},
    )
    email = EmailField(
        _("Your e-mail address"),
        description=_("If you signed with this address, we send you your link."),
        filters=[one_address],
        validators=[Optional(), Readable(), Address(), Deliverable()],
        render_kw={"autocomplete": "email", "spellcheck": "false", "autocapitalize": "none"},
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Require one of the two fields; a code in the field for the address is read as one."""
        typed = self.email.data or ""
        if not self.code.data and "@" not in typed and read_code(typed):
            self.code.data, self.code.raw_data = typed, [typed]
            self.email.data, self.email.raw_data = "", []
        is_valid = super().validate(extra_validators)
        if is_valid and not self.code.data and not self.email.data:
            self.code.errors = [_("Enter the code, or your e-mail address below.")]
            return False
        return is_valid

    def validate_code(self, field: StringField) -> None:
        """Normalise the code."""
        if "@" in field.data:
            raise StopValidation(_("This is an e-mail address. Enter it below, and we send you the link."))
        field.data = _read_code(field.data)


class FindDeliveryForm(TokenlessForm):
    """Find a delivery by the code on its cover."""

    code = StringField(
        _("The code on the letter’s cover"),
        description=_("20 letters and digits in groups of four."),
        filters=[one_line],
        validators=[DataRequired(_("Enter the code that is printed on the cover."))],
        render_kw={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"},
    )

    def validate_code(self, field: StringField) -> None:
        """Normalise the code."""
        field.data = _read_code(field.data)


def _read_code(text: str) -> str:
    code = read_code(text)
    if code is None:
        raise StopValidation(
            _("This is not one of our codes. They have 20 letters and digits, such as 7K3M-… Please compare.")
        )
    return code
