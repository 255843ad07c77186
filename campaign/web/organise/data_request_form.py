"""The forms of data requests: find the signatures of an address, and erase them."""

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, EmailField
from wtforms.validators import DataRequired

from campaign.web.base_form import NO_CORRECTION, Form
from campaign.web.field import Address, Readable, one_line


class RequestForm(Form):
    """The address of a data subject who wrote to the organisers."""

    email = EmailField(
        _("E-mail address of whoever asks"),
        description=_("It is kept nowhere: the log says how many signatures were found, not whose."),
        filters=[one_line],
        validators=[DataRequired(_("Enter the address that wrote to you.")), Readable(), Address()],
        render_kw={"autocomplete": "off", **NO_CORRECTION},
    )


class EraseForm(RequestForm):
    """The order to withdraw and erase the ticked signatures of the address."""

    sure = BooleanField(
        _("The request came from this very address, or I have made sure otherwise that its owner asks."),
        validators=[
            DataRequired(_("Make sure first: somebody else may want to undo this person’s signature."))
        ],
    )
