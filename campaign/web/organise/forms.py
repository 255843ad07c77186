"""The organisers' forms; each carries Flask-WTF's token against forged posts."""

import unicodedata
from datetime import UTC, date, datetime
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    HiddenField,
    PasswordField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, EqualTo, StopValidation

from campaign.organiser import SHORTEST_PASSPHRASE
from campaign.web.typed import Address, AtMost, Readable, one_line, paragraphs

PLAIN = {"spellcheck": "false", "autocapitalize": "none"}


def one_spaced(text: str | None) -> str:
    """Return a passphrase as it is compared and kept: keyboards differ in how they compose and space it."""
    return " ".join(unicodedata.normalize("NFKC", text or "").split())


def today() -> date:
    """Return the day in UTC, by which the whole campaign counts."""
    return datetime.now(UTC).date()


class ActForm(FlaskForm):  # type: ignore[misc]
    """A form that is only a button."""


class LoginForm(FlaskForm):  # type: ignore[misc]
    """Name and passphrase."""

    name = StringField(
        _("Name"),
        filters=[one_line],
        validators=[DataRequired(_("Enter your name."))],
        render_kw={"autocomplete": "username", **PLAIN},
    )
    passphrase = PasswordField(
        _("Passphrase"),
        validators=[DataRequired(_("Enter your passphrase."))],
        render_kw={"autocomplete": "current-password"},
    )

    def refuse(self) -> None:
        """Say that it was wrong, but not which of the two: nobody learns here which accounts exist."""
        self.passphrase.errors = [_("Name and passphrase do not match. Please check both.")]


class NewNameForm(FlaskForm):  # type: ignore[misc]
    """The name of a new account. Fields stand in the order in which they are made, so it is made first."""

    name = StringField(
        _("Your name"),
        description=_("You log in with it, and the audit log shows it to other organisers."),
        filters=[one_line],
        validators=[DataRequired(_("Enter a name.")), Readable(), AtMost(80)],
        render_kw={"autocomplete": "username", **PLAIN},
    )


class RecoveryCodeForm(FlaskForm):  # type: ignore[misc]
    """A recovery code; made before the passphrase that it sets, as it stands before it."""

    code = StringField(
        _("Recovery code"),
        description=_("As you wrote it down. Dashes, spaces and capitals do not matter."),
        filters=[one_line],
        validators=[DataRequired(_("Enter your recovery code."))],
        render_kw={"autocomplete": "off", **PLAIN},
    )


class NewPassphraseForm(FlaskForm):  # type: ignore[misc]
    """A passphrase, twice; what it must be is the same wherever one is set."""

    passphrase = PasswordField(
        _("Passphrase"),
        description=_("At least 15 characters. Only it opens the names: we can neither see nor reset it."),
        filters=[one_spaced],
        validators=[DataRequired(_("Enter a passphrase."))],
        render_kw={"autocomplete": "new-password"},
    )
    passphrase_again = PasswordField(
        _("The same passphrase again"),
        filters=[one_spaced],
        validators=[EqualTo("passphrase", _("The two passphrases differ. Please type both again."))],
        render_kw={"autocomplete": "new-password"},
    )

    def validate_passphrase(self, field: PasswordField) -> None:
        """Refuse what can be guessed; rules about kinds of characters only make it harder to keep."""
        if len(field.data) < SHORTEST_PASSPHRASE:
            raise StopValidation(
                _("This is too short. Take the seven words we offer, or at least 15 characters.")
            )
        if len(set(field.data)) < 5:
            raise StopValidation(_("This is too easy to guess. Take the seven words we offer."))


class SetupForm(NewNameForm, NewPassphraseForm):
    """The account of the first organiser, or of one who was invited."""


class RecoverForm(RecoveryCodeForm, NewPassphraseForm):
    """A new passphrase by means of the recovery code."""


class AdoptForm(FlaskForm):  # type: ignore[misc]
    """The setup link of an earlier start, whose signatures wait to be taken over."""

    code = StringField(
        _("The earlier setup link, or the code at its end"),
        filters=[one_line],
        validators=[DataRequired(_("Enter the link that was printed at that start."))],
        render_kw={"autocomplete": "off", **PLAIN},
    )


class OrganisationForm(FlaskForm):  # type: ignore[misc]
    """Who sends the letters and answers for the personal data."""

    name = StringField(
        _("Name of the organisation"),
        filters=[one_line],
        validators=[DataRequired(_("Enter the organisation’s name.")), Readable(), AtMost(200)],
        render_kw={"autocomplete": "organization"},
    )
    seat = StringField(
        _("Seat"),
        description=_("Town and State, or the whole address."),
        filters=[one_line],
        validators=[DataRequired(_("Enter where the organisation has its seat.")), Readable(), AtMost(200)],
    )
    contact = EmailField(
        _("Contact address"),
        description=_("Delegations and signatories can write to it."),
        filters=[one_line],
        validators=[DataRequired(_("Enter an e-mail address.")), Readable(), Address()],
        render_kw={"autocomplete": "email", **PLAIN},
    )


class DelegationForm(FlaskForm):  # type: ignore[misc]
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


class DelegationImportForm(FlaskForm):  # type: ignore[misc]
    """Many addresses at once."""

    file = FileField(
        _("CSV file"),
        description=_("UTF-8, with the columns state, email, source and checked_on."),
        validators=[FileRequired(_("Choose a file."))],
        render_kw={"accept": ".csv,text/csv"},
    )


class TestDeliveryForm(FlaskForm):  # type: ignore[misc]
    """The whole delivery to oneself first."""

    __test__ = False  # pytest takes the name for a test's

    email = EmailField(
        _("Your own e-mail address"),
        filters=[one_line],
        validators=[DataRequired(_("Enter your e-mail address.")), Readable(), Address()],
        render_kw={"autocomplete": "email", **PLAIN},
    )


class SendDeliveryForm(FlaskForm):  # type: ignore[misc]
    """The delivery itself; the nonce makes a second click the same delivery."""

    nonce = HiddenField(validators=[DataRequired()])
    seen = HiddenField()
    """The notes that stood above the button; one that came up since then was not read."""
    latest = HiddenField()
    """The last delivery that the page knew of."""
    holds = BooleanField(_("I have read the notes above and want to send it all the same."))

    def __init__(self, *args: Any, must_hold: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.must_hold = must_hold

    def validate_holds(self, field: BooleanField) -> None:
        """Insist where something should be thought of first: each caution stands above the tick."""
        if self.must_hold and not field.data:
            raise StopValidation(_("Tick the box once you have read the notes above it."))


class ReplyForm(FlaskForm):  # type: ignore[misc]
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
