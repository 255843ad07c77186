"""The supporters' forms: what may be typed, and what is said when it cannot be taken."""

from functools import cache
from itertools import starmap
from typing import Any

from flask_babel import get_locale
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, Optional, StopValidation

from campaign import residence, seal
from campaign.seal import Details
from campaign.signature.row import COUNTED, DELEGATION, PUBLIC
from campaign.web.typed import Address, AtMost, OwnMailbox, Readable, has_letter, one_line, paragraphs

LONGEST_NAME = 200
LONGEST_TOWN = 100
LONGEST_WORDS = 1_500
"""Characters."""

DISCLOSURE_CHOICES = [
    SelectChoice(PUBLIC, _("Everyone")),
    SelectChoice(DELEGATION, _("The delegation only")),
    SelectChoice(COUNTED, _("Nobody")),
]


class SupporterForm(FlaskForm):  # type: ignore[misc]
    """A form without a token: supporters' pages set no cookie, the origin of a post is checked instead."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """No token."""

        csrf = False


class SignatureForm(SupporterForm):
    """The signature block under a letter."""

    name = StringField(
        _("Your name"),
        description=_("As you would sign a letter, in any alphabet."),
        filters=[one_line],
        render_kw={"autocomplete": "name", "spellcheck": "false"},
    )
    email = EmailField(
        _("Your e-mail address"),
        description=_(
            "We write to it so that you can confirm; at most five messages a day. It goes on no list."
        ),
        filters=[one_line],
        validators=[
            DataRequired(_("Enter your e-mail address, so that you can confirm.")),
            Readable(),
            Address(),
            OwnMailbox(),
        ],
        render_kw={"autocomplete": "email", "spellcheck": "false", "autocapitalize": "none"},
    )
    residence = SelectField(
        _("Where you live"),
        description=_("A delegation looks first for signatures from its own State."),
        validate_choice=False,
    )
    town = StringField(
        _("Your town (optional)"),
        filters=[one_line],
        validators=[Readable(), AtMost(LONGEST_TOWN)],
        render_kw={"autocomplete": "address-level2"},
    )
    words = TextAreaField(
        _("Your own words (optional)"),
        description=_(
            "They go with the letter as yours, not ours, once an organiser has read them. "
            "Up to 1,500 characters."
        ),
        filters=[paragraphs],
        validators=[Readable(lines=True), AtMost(LONGEST_WORDS)],
        render_kw={"rows": "4"},
    )
    disclosure = RadioField(
        _("Who may see your name?"),
        choices=DISCLOSURE_CHOICES,
        default=DELEGATION,
        validate_choice=False,
    )
    consent = BooleanField(
        _("I sign this letter, and I agree that my signature is kept and used as the privacy notice says."),
        validators=[
            DataRequired(_("Tick the box if you agree: without your consent we may not take your signature."))
        ],
    )
    website = StringField(_("Leave this empty"), render_kw={"autocomplete": "off", "tabindex": "-1"})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.residence.choices = [
            SelectChoice("", _("Please choose")),
            SelectChoice("ZZ", _("I would rather not say")),
            *_residences(get_locale().language),
        ]

    @property
    def is_from_a_robot(self) -> bool:
        """Whether the field that people never see was filled in."""
        return bool(self.website.data)

    def details(self) -> Details:
        """Return what is to be sealed."""
        return Details(name=self.name.data, email=self.email.data, town=self.town.data, words=self.words.data)

    def validate_name(self, field: StringField) -> None:
        """Ask for a name unless only the number is to be kept."""
        if not field.data:
            if self.disclosure.data == COUNTED:
                return
            raise StopValidation(_("Enter your name, or choose “Nobody” below to be counted without one."))
        Readable()(self, field)
        AtMost(LONGEST_NAME)(self, field)
        if not has_letter(field.data):
            raise StopValidation(_("A name has at least one letter."))

    def validate_residence(self, field: SelectField) -> None:
        """Take a code of the list alone."""
        if not field.data:
            raise StopValidation(_("Choose where you live, or “I would rather not say”."))
        if field.data not in residence.RESIDENCES:
            raise StopValidation(_("Choose a place from the list."))

    def validate_disclosure(self, field: RadioField) -> None:
        """Take one of the three choices alone."""
        _known_disclosure(field)


class DisclosureForm(SupporterForm):
    """Who may see the name from now on."""

    disclosure = RadioField(_("Who may see my name?"), choices=DISCLOSURE_CHOICES, validate_choice=False)

    def validate_disclosure(self, field: RadioField) -> None:
        """Take one of the three choices alone."""
        _known_disclosure(field)


class FindSignatureForm(SupporterForm):
    """Back to one's page: the code from a message, or an address that gets its links once more."""

    code = StringField(
        _("The code from our message"),
        description=_("20 letters and digits. Dashes, spaces and capitals do not matter."),
        filters=[one_line],
        validators=[Optional()],
        render_kw={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"},
    )
    email = EmailField(
        _("Your e-mail address"),
        description=_("If a letter was signed with it, we send the links to it again."),
        filters=[one_line],
        validators=[Optional(), Readable(), Address()],
        render_kw={"autocomplete": "email", "spellcheck": "false", "autocapitalize": "none"},
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Ask for one of the two."""
        is_valid = bool(super().validate(extra_validators))
        if is_valid and not self.code.data and not self.email.data:
            self.code.errors = [_("Enter the code, or your e-mail address below.")]
            return False
        return is_valid

    def validate_code(self, field: StringField) -> None:
        """Leave the code as it is stored."""
        field.data = _read_code(field.data)


class FindDeliveryForm(SupporterForm):
    """The code that is printed on a delivered list."""

    code = StringField(
        _("The code on the letter’s cover"),
        description=_("20 letters and digits in groups of four."),
        filters=[one_line],
        validators=[DataRequired(_("Enter the code that is printed on the cover."))],
        render_kw={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"},
    )

    def validate_code(self, field: StringField) -> None:
        """Leave the code as it is stored."""
        field.data = _read_code(field.data)


@cache
def _residences(language: str) -> tuple[SelectChoice, ...]:
    # Two hundred and fifty names in their order take longer than a signature.
    return tuple(starmap(SelectChoice, residence.choices(language)))


def _known_disclosure(field: RadioField) -> None:
    if field.data not in {choice.value for choice in DISCLOSURE_CHOICES}:
        raise StopValidation(_("Choose who may see your name."))


def _read_code(typed: str) -> str:
    code = seal.read_code(typed)
    if code is None:
        raise StopValidation(
            _("This is not a code of ours: it has 20 letters and digits, such as 7K3M-… Please compare.")
        )
    return code
