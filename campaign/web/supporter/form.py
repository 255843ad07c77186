"""The form that signs a letter."""

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    RadioField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, StopValidation

from campaign.guard.mail_typo import meant_domain
from campaign.reference import residence
from campaign.sealing.address import domain_of
from campaign.sealing.box import Details
from campaign.signature.model import COUNTED, DELEGATION, PUBLIC
from campaign.web.field import (
    Address,
    AtMost,
    Deliverable,
    NoAddress,
    OwnMailbox,
    Readable,
    has_letter,
    one_address,
    one_line,
    paragraphs,
)
from campaign.web.supporter.also import AlsoForm
from campaign.web.supporter.disclosure_form import (
    CAREFUL_CHOICES,
    DISCLOSURE_CHOICES,
    NOT_PUBLISHED,
    refuse_unknown,
)
from campaign.web.supporter.residence_field import ResidenceField, advice_for

LONGEST_NAME = 200
LONGEST_TOWN = 100
LONGEST_WORDS = 1_500
"""Characters."""

SHOW = "show"
"""The value of :attr:`SignatureForm.advised` that asks for the advice."""


class _Named:
    """End the validation of a field that "No one" folds away: what it holds is not stored."""

    def __call__(self, form: Any, field: Any) -> None:
        """Stop without an error."""
        del field
        if form.disclosure.data == COUNTED:
            raise StopValidation


class SignatureForm(AlsoForm):
    """The signature block under a letter.

    Who may see the name comes first, then the residence: together they decide which fields, choices and
    advice are shown. Names of those who live where signing is dangerous are not published.

    Args:
        endangered: Codes of residences where signing is dangerous.
        wary: Codes of other residences whose authorities may be hostile to it.
    """

    disclosure = RadioField(
        _("Who may see your name?"),
        choices=DISCLOSURE_CHOICES,
        default=DELEGATION,
        validate_choice=False,
    )
    residence = ResidenceField(_("Where do you live?"), default="")
    name = StringField(
        _("Your name"),
        description=_("As you would sign a letter, in any alphabet."),
        filters=[one_line],
        validators=[_Named()],
        render_kw={"data-autocomplete": "name", "spellcheck": "false"},
    )
    email = EmailField(
        _("Your e-mail address"),
        description=_(
            "We send you a link to confirm. We never share your address. A mailbox counts once for each "
            "letter, so two people need two addresses."
        ),
        filters=[one_address],
        validators=[
            DataRequired(_("Enter your e-mail address, so that you can confirm.")),
            Readable(),
            Address(),
            Deliverable(),
            OwnMailbox(),
        ],
        render_kw={"data-autocomplete": "email", "spellcheck": "false", "autocapitalize": "none"},
    )
    spelling = HiddenField("")
    """The domain that the supporter chose when asked about a misspelt one: the one meant, or as typed."""
    town = StringField(
        _("Your town (optional)"),
        filters=[one_line],
        validators=[
            _Named(),
            Readable(),
            AtMost(LONGEST_TOWN),
            NoAddress(_("This looks like an e-mail or web address. Enter only the name of your town.")),
        ],
        render_kw={"data-autocomplete": "address-level2"},
    )
    words = TextAreaField(
        _("Your own words (optional)"),
        description=_(
            "They go with the letter as yours, not ours, once an organiser has read them. "
            "Up to 1,500 characters."
        ),
        filters=[paragraphs],
        validators=[_Named(), Readable(lines=True), AtMost(LONGEST_WORDS)],
        render_kw={"rows": "4"},
    )
    consent = BooleanField(
        _("I sign this letter, and I agree that my signature is kept and used as the privacy notice says."),
        validators=[
            DataRequired(_("Tick the box if you agree: without your consent we may not take your signature."))
        ],
    )
    website = StringField(_("Leave this empty"), render_kw={"autocomplete": "off", "tabindex": "-1"})
    advised = HiddenField("")
    """Set when the advice for endangered residents was shown; :data:`SHOW` asks for it."""
    carried = HiddenField(_("Continue in another language"))
    """Set to take the form to another language: "choose" asks for the languages, and "y" brings the form."""

    def __init__(
        self,
        *args: Any,
        endangered: frozenset[str] = frozenset(),
        wary: frozenset[str] = frozenset(),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.endangered, self.wary = endangered, wary
        self.meant = ""
        """The address that was probably meant, when the supporter is asked about a misspelt domain."""
        self.asks_for_advice = self.advised.data == SHOW
        if self.asks_for_advice:
            self.disclosure.data = COUNTED
        if self.carried.data == "y":
            # To a letter that is a text of its own.
            self.consent.data = False
        self.is_careful = bool(self.advised.data) or self.is_endangered
        if self.is_careful:
            self.disclosure.choices = CAREFUL_CHOICES
        if self.asks_for_letters or self.is_carried:
            self._ask_as_if_first()

    def _ask_as_if_first(self) -> None:
        """Preset and ask what pressing Sign would have: the answer shows the form, and checks nothing yet."""
        is_first_advice = self.is_endangered and not self.advised.data
        if is_first_advice or (self.is_careful and self.disclosure.data == PUBLIC):
            self.disclosure.data = COUNTED
        if self.spelling.data == self.mail_domain:
            # The form sends it also for who chose nothing, as who could not read the question.
            self.spelling.data = ""

    @property
    def is_carried(self) -> bool:
        """Whether it is on its way to the page in another language, and nothing is to be signed yet."""
        return bool(self.carried.data)

    @property
    def is_endangered(self) -> bool:
        """Whether signing is dangerous at the chosen residence."""
        return self.residence.data in self.endangered

    @property
    def advice(self) -> str:
        """The kind of advice for the chosen residence; empty while none is chosen."""
        return advice_for(self.residence.data, self.endangered, self.wary)

    @property
    def is_from_a_robot(self) -> bool:
        """Whether the honeypot was filled in, a field that people do not see."""
        return bool(self.website.data)

    @property
    def mail_domain(self) -> str:
        """The domain of the e-mail address, in ASCII."""
        return domain_of(self.email.data or "")

    def details(self) -> Details:
        """Return the personal details, which are sealed: without those that "No one" folds away."""
        if self.disclosure.data == COUNTED:
            return Details(email=self.email.data)
        return Details(name=self.name.data, email=self.email.data, town=self.town.data, words=self.words.data)

    def validate_disclosure(self, field: RadioField) -> None:
        """Accept only the three choices, and no publication for endangered residents."""
        refuse_unknown(field)
        if self.is_endangered and self.advised.data and field.data == PUBLIC:
            field.data = COUNTED
            raise StopValidation(NOT_PUBLISHED)

    def validate_residence(self, field: ResidenceField) -> None:
        """Accept only codes of the list; show endangered residents the advice first."""
        if not field.data:
            raise StopValidation(_("Choose where you live, or “I would rather not say”."))
        if field.data not in residence.RESIDENCES:
            raise StopValidation(_("Choose a place from the list."))
        if self.is_endangered and not self.advised.data:
            # The answer to this post shows the advice.
            self.advised.data, self.disclosure.data = "yes", COUNTED
            raise StopValidation(
                _(
                    "We have stored nothing yet. Please read the advice for where you live. "
                    "“No one” is now chosen below. If you still want to sign, press Sign again."
                )
            )

    def validate_name(self, field: StringField) -> None:
        """Require a name that can be printed."""
        if not field.data:
            raise StopValidation(_("Enter your name, or choose “No one” above to be counted without it."))
        Readable()(self, field)
        AtMost(LONGEST_NAME)(self, field)
        NoAddress(_("This looks like an e-mail or web address. Enter only your name."))(self, field)
        if not has_letter(field.data):
            raise StopValidation(_("Enter a name with at least one letter."))

    def validate_email(self, field: EmailField) -> None:
        """Ask once about a domain that is one letter away from a well-known provider's."""
        meant = meant_domain(self.mail_domain)
        if meant is None:
            return
        address = f"{field.data.rpartition('@')[0]}@{meant}"
        if self.spelling.data == meant:
            field.data = address
        elif self.spelling.data != self.mail_domain:
            self.meant = address
            raise StopValidation(_("Did you mean %(domain)s?", domain=meant))
