"""The organisers' forms; each carries Flask-WTF's token against forged posts."""

from datetime import date
from uuid import UUID

from flask_babel import lazy_gettext as _
from flask_wtf.file import FileField, FileRequired
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    HiddenField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, StopValidation

from campaign.reference.participating_state import STATES
from campaign.signature.model import Key
from campaign.web import site
from campaign.web.base_form import Form
from campaign.web.field import Address, AtMost, Readable, one_line, paragraphs

PLAIN = {"spellcheck": "false", "autocapitalize": "none"}


def today() -> date:
    """Return the day in UTC, by which the whole campaign counts."""
    return site.now().date()


class RequestForm(Form):
    """The address that somebody asks about who wrote to the organisers."""

    email = EmailField(
        _("E-mail address of whoever asks"),
        description=_("It is kept nowhere: the log says how many signatures were found, not whose."),
        filters=[one_line],
        validators=[DataRequired(_("Enter the address that wrote to you.")), Readable(), Address()],
        render_kw={"autocomplete": "off", **PLAIN},
    )


class EraseForm(RequestForm):
    """Which of its signatures to withdraw and erase."""

    sure = BooleanField(
        _("The request came from this very address, or I have made sure otherwise that its owner asks."),
        validators=[
            DataRequired(_("Make sure first: somebody else may want to undo this person’s signature."))
        ],
    )


class DelegationForm(Form):
    """One delegation's address, where it was found, and when that was checked."""

    email = EmailField(
        _("E-mail address of the delegation"),
        filters=[one_line],
        validators=[DataRequired(_("Enter the delegation’s e-mail address.")), Readable(), Address()],
        render_kw={"autocomplete": "off", **PLAIN},
    )
    source = StringField(
        _("Where you found it"),
        description=_("A web address, or “telephone call with the delegation”."),
        filters=[one_line],
        validators=[DataRequired(_("Say where you found the address.")), Readable(), AtMost(500)],
    )
    checked_on = DateField(_("Checked on"), default=today, validators=[DataRequired(_("Enter a day."))])

    def validate_checked_on(self, field: DateField) -> None:
        """Refuse tomorrow."""
        if field.data > today():
            raise StopValidation(_("This day lies in the future."))


class DelegationImportForm(Form):
    """Many addresses at once."""

    file = FileField(
        _("CSV file"),
        description=_("UTF-8, with the columns state, email, source and checked_on."),
        validators=[FileRequired(_("Choose a file."))],
        render_kw={"accept": ".csv,text/csv"},
    )


class TestDeliveryForm(Form):
    """The whole delivery to oneself first."""

    __test__ = False  # pytest takes the name for a test's

    email = EmailField(
        _("Your own e-mail address"),
        filters=[one_line],
        validators=[DataRequired(_("Enter your e-mail address.")), Readable(), Address()],
        render_kw={"autocomplete": "email", **PLAIN},
    )


class SendDeliveryForm(Form):
    """The order to send a delivery; the nonce makes a second click the same delivery."""

    nonce = HiddenField(validators=[DataRequired()])
    seen = HiddenField()
    """The cautions that the page showed, with commas between them; later ones are not confirmed."""
    latest = HiddenField()
    """The ID of the latest delivery that the page showed."""
    holds = BooleanField(_("I have read the notes above and want to send it all the same."))

    def validate_holds(self, field: BooleanField) -> None:
        """Require the tick if cautions stood above it."""
        if self.seen.data and not field.data:
            raise StopValidation(_("Tick the box once you have read the notes above it."))


class ReplyForm(Form):
    """What a delegation answered."""

    replied_on = DateField(_("Replied on"), default=today, validators=[DataRequired(_("Enter a day."))])
    note = TextAreaField(
        _("What it says"),
        description=_("For organisers only. No names of signatories, please."),
        filters=[paragraphs],
        validators=[Readable(lines=True), AtMost(2_000)],
        render_kw={"rows": "4"},
    )

    def validate_replied_on(self, field: DateField) -> None:
        """Refuse tomorrow."""
        if field.data > today():
            raise StopValidation(_("This day lies in the future."))


def read_key(text: str) -> Key | None:
    """Return the key that a form's entry carries, or ``None`` when it is none."""
    state_code, _, hexadecimal = text.partition(":")
    try:
        return STATES[state_code].code, UUID(hexadecimal)
    except (KeyError, ValueError):
        return None
