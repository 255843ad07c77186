"""The forms of delegations' addresses."""

from flask_babel import lazy_gettext as _
from flask_wtf.file import FileField, FileRequired
from wtforms import EmailField, StringField
from wtforms.validators import DataRequired

from campaign.web.base_form import NO_CORRECTION, Form
from campaign.web.field import Address, AtMost, Readable, one_line
from campaign.web.organise.day_field import day_field


class DelegationForm(Form):
    """A delegation's address, its source, and the day on which it was checked."""

    email = EmailField(
        _("E-mail address of the delegation"),
        filters=[one_line],
        validators=[DataRequired(_("Enter the delegation’s e-mail address.")), Readable(), Address()],
        render_kw={"autocomplete": "off", **NO_CORRECTION},
    )
    source = StringField(
        _("Where you found it"),
        description=_("A web address, or “telephone call with the delegation”."),
        filters=[one_line],
        validators=[DataRequired(_("Say where you found the address.")), Readable(), AtMost(500)],
    )
    checked_on = day_field(_("Checked on"))


class DelegationImportForm(Form):
    """A CSV file with many addresses."""

    file = FileField(
        _("CSV file"),
        description=_("UTF-8, with the columns state, email, source and checked_on."),
        validators=[FileRequired(_("Choose a file."))],
        render_kw={"accept": ".csv,text/csv"},
    )
