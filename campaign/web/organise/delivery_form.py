"""The forms of a delivery: test it, send it, record the reply."""

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, EmailField, HiddenField, TextAreaField
from wtforms.validators import DataRequired, StopValidation

from campaign.web.base_form import NO_CORRECTION, Form
from campaign.web.field import Address, AtMost, Readable, one_line, paragraphs
from campaign.web.organise.day_field import day_field


class TestDeliveryForm(Form):
    """The order to send a delivery to the organiser's own address, as a test."""

    __test__ = False  # pytest would collect the class because of its name

    email = EmailField(
        _("Your own e-mail address"),
        filters=[one_line],
        validators=[DataRequired(_("Enter your e-mail address.")), Readable(), Address()],
        render_kw={"autocomplete": "email", **NO_CORRECTION},
    )


class SendDeliveryForm(Form):
    """The order to send a delivery; the nonce makes a second click the same delivery."""

    nonce = HiddenField(validators=[DataRequired()])
    seen = HiddenField()
    """The cautions that the page showed, with commas between them; later ones are not confirmed."""
    latest = HiddenField()
    """The ID of the latest delivery that the page showed."""
    shown = HiddenField()
    """The digest of the letter, its recipient and its sender that the page showed."""
    holds = BooleanField(_("I have read the notes above and want to send it all the same."))

    def validate_holds(self, field: BooleanField) -> None:
        """Require the tick if cautions stood above it."""
        if self.seen.data and not field.data:
            raise StopValidation(_("Tick the box once you have read the notes above it."))


class ReplyForm(Form):
    """A delegation's reply."""

    replied_on = day_field(_("Replied on"))
    note = TextAreaField(
        _("What it says"),
        description=_("For organisers only. No names of signatories, please."),
        filters=[paragraphs],
        validators=[Readable(lines=True), AtMost(2_000)],
        render_kw={"rows": "4"},
    )
    public_reply = TextAreaField(
        _("What everyone may read of it"),
        description=_("Shown on the page Progress and in the feeds. Leave it empty to show only the day."),
        filters=[paragraphs],
        validators=[Readable(lines=True), AtMost(2_000)],
        render_kw={"rows": "4"},
    )
