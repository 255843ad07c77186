"""The forms at the door: logging in, making an account, setting a passphrase, codes from a phone."""

from flask_babel import lazy_gettext as _
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo, StopValidation

from campaign.organiser.passphrase import SHORTEST_PASSPHRASE, Weakness
from campaign.organiser.passphrase import normalise as normalise_passphrase
from campaign.web.base_form import Form
from campaign.web.field import AtMost, Readable, one_line
from campaign.web.organise.form import PLAIN

WEAKNESSES = {
    Weakness.SHORT: _("This is too short: a passphrase has at least 15 characters."),
    Weakness.OWN: _("This holds your name, or what this campaign is known for: that is tried first."),
    Weakness.COMMON: _("Many people use these words as passwords, so they are tried early."),
    Weakness.KEYS: _("Keys that lie side by side are easy to guess."),
    Weakness.REPEAT: _("The same thing several times is hardly better than once."),
    Weakness.SEQUENCE: _("Letters or digits in their order are easy to guess."),
    Weakness.DATE: _("Days and years are easy to guess."),
    Weakness.NAME: _("Names of people are easy to guess."),
    Weakness.FEW: _("This is too easy to guess: it takes more words, and less usual ones."),
}
"""Why a passphrase is refused, in plain words."""


def _advice(weakness: Weakness) -> str:
    return f"{WEAKNESSES[weakness]} {_('Take the seven words that we offer.')}"


class LoginForm(Form):
    """Name, passphrase, and a code: always asked for, so that nobody learns here whose account has one."""

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
    code = StringField(
        _("Six-digit code (if you use one)"),
        filters=[one_line],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )

    def refuse(self) -> None:
        """Say that it was wrong, but not what: nobody learns here which accounts exist, or have codes."""
        self.code.data = ""
        self.passphrase.errors = [
            _(
                "Name and passphrase do not match, or the code is missing or was used. Please check all of"
                " them; each code works once."
            )
        ]


class NewNameForm(Form):
    """The name of a new account. Fields stand in the order in which they are made, so it is made first."""

    name = StringField(
        _("Your name"),
        description=_("You log in with it, and the audit log shows it to other organisers."),
        filters=[one_line],
        validators=[DataRequired(_("Enter a name.")), Readable(), AtMost(80)],
        render_kw={"autocomplete": "username", **PLAIN},
    )


class RecoveryCodeForm(Form):
    """A recovery code; made before the passphrase that it sets, as it stands before it."""

    code = StringField(
        _("Recovery code"),
        description=_("As you wrote it down. Dashes, spaces and capitals do not matter."),
        filters=[one_line],
        validators=[DataRequired(_("Enter your recovery code."))],
        render_kw={"autocomplete": "off", **PLAIN},
    )


class NewPassphraseForm(Form):
    """A passphrase, twice; what it must be is the same wherever one is set."""

    passphrase = PasswordField(
        _("Passphrase"),
        description=_("At least 15 characters, and hard to guess. We can neither see nor reset it."),
        filters=[normalise_passphrase],
        validators=[DataRequired(_("Enter a passphrase."))],
        render_kw={"autocomplete": "new-password"},
    )
    passphrase_again = PasswordField(
        _("The same passphrase again"),
        filters=[normalise_passphrase],
        validators=[EqualTo("passphrase", _("The two passphrases differ. Please type both again."))],
        render_kw={"autocomplete": "new-password"},
    )

    def validate_passphrase(self, field: PasswordField) -> None:
        """Refuse what is too short at once; how strong it is, the domain judges, which takes longer."""
        if len(field.data) < SHORTEST_PASSPHRASE:
            raise StopValidation(_advice(Weakness.SHORT))

    def refuse(self, weakness: str) -> None:
        """Say what is weak about the passphrase, and what is offered instead."""
        self.passphrase.errors = [
            f"{WEAKNESSES[Weakness(weakness)]} {_('Take the seven words that we offer.')}"
        ]


class SetupForm(NewNameForm, NewPassphraseForm):
    """The account of the first organiser, or of one who was invited."""


class RecoverForm(RecoveryCodeForm, NewPassphraseForm):
    """A new passphrase by means of the recovery code."""


class CurrentPassphraseForm(Form):
    """One's passphrase once more, since a computer left alone is logged in too."""

    passphrase = PasswordField(
        _("Your passphrase"),
        validators=[DataRequired(_("Enter your passphrase."))],
        render_kw={"autocomplete": "current-password"},
    )

    def refuse(self) -> None:
        """Say that it was wrong."""
        self.passphrase.errors = [_("This is not your passphrase.")]


class SwitchOnForm(Form):
    """The first code that a phone shows, and the secret that it was made with."""

    secret = HiddenField(validators=[DataRequired()])
    code = StringField(
        _("The code that the phone shows"),
        filters=[one_line],
        validators=[DataRequired(_("Enter the six digits that the phone shows."))],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )
    passphrase = PasswordField(
        _("Your passphrase"),
        validators=[DataRequired(_("Enter your passphrase."))],
        render_kw={"autocomplete": "current-password"},
    )
