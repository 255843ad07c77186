"""The forms to log in, create an account, set a passphrase, and switch on codes."""

from flask_babel import lazy_gettext as _
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo, StopValidation

from campaign.organiser.passphrase import SHORTEST_PASSPHRASE, Weakness
from campaign.organiser.passphrase import normalise as normalise_passphrase
from campaign.web.base_form import NO_CORRECTION, Form
from campaign.web.field import AtMost, Readable, one_line

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
"""The sentence for each weakness of a passphrase."""


NAME_REFUSED = _(
    "Another organiser has this name or one that looks like it, or it could be taken for the tool itself."
    " Choose another, in letters of one alphabet."
)


def _advice(weakness: Weakness) -> str:
    return f"{WEAKNESSES[weakness]} {_('Take the seven words that we offer.')}"


class LoginForm(Form):
    """Name, passphrase and code; the code is asked for always, not to reveal which accounts have one."""

    name = StringField(
        _("Name"),
        filters=[one_line],
        validators=[DataRequired(_("Enter your name."))],
        render_kw={"autocomplete": "username", **NO_CORRECTION},
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
        """Report an error without saying which field is wrong, not to reveal accounts or codes."""
        self.code.data = ""
        self.passphrase.errors = [
            _(
                "Name and passphrase do not match, or the code is missing or was used. Please check all of"
                " them; each code works once. After several wrong codes, the next one is taken only after a"
                " while, which grows up to four hours; your recovery code works at any time."
            )
        ]

    def refuse_altered(self) -> None:
        """Report an account, or a campaign's key, that was changed in the database."""
        self.code.data = ""
        self.passphrase.errors = [
            _(
                "Somebody changed this account, or the campaign’s key, in the database. Nobody can log in"
                " with it. Tell the person who runs the server, and the other organisers."
            )
        ]


class NewNameForm(Form):
    """The name of a new account."""

    # A form shows its fields in the order of their creation; this class comes before the passphrase's.

    name = StringField(
        _("Name of your account"),
        description=_("You log in with it, and the audit log shows it to other organisers."),
        filters=[one_line],
        validators=[DataRequired(_("Enter a name.")), Readable(), AtMost(80)],
        render_kw={"autocomplete": "username", **NO_CORRECTION},
    )

    def refuse_name(self, *, is_invited: bool) -> None:
        """Report a name that is taken, looks like another, or is none for an account."""
        taken = _(
            "By now another organiser has this name or one that looks like it: ask for a new invitation."
        )
        self.name.errors = [taken if is_invited else NAME_REFUSED]


class RecoveryCodeForm(Form):
    """A recovery code; defined before the passphrase, which it precedes on the page."""

    code = StringField(
        _("Recovery code"),
        description=_("As you wrote it down. Dashes, spaces and capitals do not matter."),
        filters=[one_line],
        validators=[DataRequired(_("Enter your recovery code."))],
        render_kw={"autocomplete": "off", **NO_CORRECTION},
    )


class NewPassphraseForm(Form):
    """A new passphrase, typed twice."""

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
        """Refuse a short passphrase; the domain function estimates the strength, which takes longer."""
        if len(field.data) < SHORTEST_PASSPHRASE:
            raise StopValidation(_advice(Weakness.SHORT))

    def refuse(self, weakness: str) -> None:
        """Report the weakness of the passphrase."""
        self.passphrase.errors = [_advice(Weakness(weakness))]


class SetupForm(NewNameForm, NewPassphraseForm):
    """A new account."""


class RecoverForm(RecoveryCodeForm, NewPassphraseForm):
    """A new passphrase, with the recovery code."""


class ChangePassphraseForm(NewPassphraseForm):
    """A new passphrase, with the present one and a code."""

    present_passphrase = PasswordField(
        _("Your present passphrase"),
        validators=[DataRequired(_("Enter your present passphrase."))],
        render_kw={"autocomplete": "current-password"},
    )
    code = StringField(
        _("Six-digit code"),
        filters=[one_line],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )

    def refuse_present(self) -> None:
        """Report an error without saying which of the two is wrong."""
        self.code.data = ""
        self.present_passphrase.errors = [
            _("This is not your passphrase, or the code is missing or was used; each code works once.")
        ]


class AgainForm(Form):
    """The passphrase, and the code of an organiser who uses codes."""

    passphrase = PasswordField(
        _("Your passphrase"),
        validators=[DataRequired(_("Enter your passphrase."))],
        render_kw={"autocomplete": "current-password"},
    )
    code = StringField(
        _("Six-digit code"),
        filters=[one_line],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )

    def refuse(self, *, has_codes: bool = False) -> None:
        """Report an error without saying which of the two is wrong."""
        self.code.data = ""
        self.passphrase.errors = [
            _("This is not your passphrase, or the code is missing or was used; each code works once.")
            if has_codes
            else _("This is not your passphrase.")
        ]


class PromotionForm(Form):
    """A reader's new role."""

    code = StringField(
        _("Code from the owner"),
        description=_("20 letters and digits. Dashes, spaces and capitals do not matter."),
        filters=[one_line],
        validators=[DataRequired(_("Enter the code that the owner told you."))],
        render_kw={"autocomplete": "off", **NO_CORRECTION},
    )
    passphrase = PasswordField(
        _("Your passphrase"),
        validators=[DataRequired(_("Enter your passphrase."))],
        render_kw={"autocomplete": "current-password"},
    )

    def refuse(self) -> None:
        """Report a wrong passphrase."""
        self.passphrase.errors = [_("This is not your passphrase.")]


class SwitchOnForm(Form):
    """The first code of a phone, and the secret."""

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
