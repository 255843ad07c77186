"""The forms that sign a letter and change who may see the name."""

from functools import lru_cache
from typing import Any

from flask_babel import get_locale
from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, StopValidation

from campaign.reference import residence
from campaign.sealing.box import Details
from campaign.signature.model import COUNTED, DELEGATION, PUBLIC
from campaign.web.base_form import TokenlessForm
from campaign.web.field import (
    Address,
    AtMost,
    Deliverable,
    OwnMailbox,
    Readable,
    has_letter,
    one_line,
    paragraphs,
)
from campaign.web.supporter.also import AlsoForm

LONGEST_NAME = 200
LONGEST_TOWN = 100
LONGEST_WORDS = 1_500
"""Characters."""

DISCLOSURE_CHOICES = [
    SelectChoice(PUBLIC, _("Everyone")),
    SelectChoice(DELEGATION, _("The delegation only")),
    SelectChoice(COUNTED, _("Nobody")),
]

CAREFUL_CHOICES = DISCLOSURE_CHOICES[1:]
"""The choices of those whose name must not be published."""

NOT_PUBLISHED = _(
    "Where you live, a name that everyone can see could be used against you, so we publish none. "
    "Please choose one of these."
)

ENDANGERED, WARY, UNSTATED, ELSEWHERE = "endangered", "wary", "unstated", "elsewhere"
"""Kinds of advice before signing: where signing is dangerous, where authorities may be hostile to it,
for those who do not say where they live, and for everyone else."""

SHOW = "show"
"""The value of :attr:`SignatureForm.advised` that asks for the advice."""


class SignatureForm(AlsoForm):
    """The signature block under a letter.

    The residence comes first, since it decides the advice and the choices: names of those who live
    where signing is dangerous are not published.

    Args:
        endangered: Codes of residences where signing is dangerous.
        wary: Codes of other residences whose authorities may be hostile to it.
    """

    residence = SelectField(
        _("Where you live"),
        description=_("A delegation looks first for signatures from its own State."),
        validate_choice=False,
    )
    name = StringField(
        _("Your name"),
        description=_("As you would sign a letter, in any alphabet."),
        filters=[one_line],
        render_kw={"autocomplete": "name", "spellcheck": "false"},
    )
    email = EmailField(
        _("Your e-mail address"),
        description=_(
            "We write to it so that you can confirm; at most five messages a day. We never share it. "
            "A mailbox counts once for each letter."
        ),
        filters=[one_line],
        validators=[
            DataRequired(_("Enter your e-mail address, so that you can confirm.")),
            Readable(),
            Address(),
            Deliverable(),
            OwnMailbox(),
        ],
        render_kw={"autocomplete": "email", "spellcheck": "false", "autocapitalize": "none"},
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
    advised = HiddenField("")
    """Set when the advice for endangered residents was shown; :data:`SHOW` asks for it."""

    def __init__(
        self,
        *args: Any,
        endangered: frozenset[str] = frozenset(),
        wary: frozenset[str] = frozenset(),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.endangered, self.wary = endangered, wary
        self.asks_for_advice = self.advised.data == SHOW
        self.residence.choices = [
            SelectChoice("", _("Please choose"), {"data-advice": ""}),
            SelectChoice(residence.UNSTATED, _("I would rather not say"), {"data-advice": UNSTATED}),
            *_residences(get_locale().language, endangered, wary),
        ]
        if self.asks_for_advice:
            self.disclosure.data = COUNTED
        self.is_careful = bool(self.advised.data) or self.is_endangered
        if self.is_careful:
            self.disclosure.choices = CAREFUL_CHOICES

    @property
    def is_endangered(self) -> bool:
        """Whether signing is dangerous at the chosen residence."""
        return self.residence.data in self.endangered

    @property
    def advice(self) -> str:
        """The kind of advice for the chosen residence; empty while none is chosen."""
        code = self.residence.data
        if code in self.endangered:
            return ENDANGERED
        if code in self.wary:
            return WARY
        return {"": "", None: "", residence.UNSTATED: UNSTATED}.get(code, ELSEWHERE)

    @property
    def is_from_a_robot(self) -> bool:
        """Whether the honeypot was filled in, a field that people do not see."""
        return bool(self.website.data)

    def details(self) -> Details:
        """Return the personal details, which are sealed."""
        return Details(name=self.name.data, email=self.email.data, town=self.town.data, words=self.words.data)

    def validate_name(self, field: StringField) -> None:
        """Require a name, except for a signature that is only counted."""
        if not field.data:
            if self.disclosure.data == COUNTED:
                return
            raise StopValidation(_("Enter your name, or choose “Nobody” below to be counted without one."))
        Readable()(self, field)
        AtMost(LONGEST_NAME)(self, field)
        if not has_letter(field.data):
            raise StopValidation(_("A name has at least one letter."))

    def validate_residence(self, field: SelectField) -> None:
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
                    "Nothing was kept yet: please read the advice for where you live first. "
                    "“Nobody” is now chosen below; if you still want to, sign again."
                )
            )

    def validate_disclosure(self, field: RadioField) -> None:
        """Accept only the three choices, and no publication for endangered residents."""
        _known_disclosure(field)
        if self.is_endangered and field.data == PUBLIC:
            field.data = COUNTED
            raise StopValidation(NOT_PUBLISHED)


class DisclosureForm(TokenlessForm):
    """Change who may see the name; names of endangered residents are not published."""

    disclosure = RadioField(_("Who may see my name?"), choices=DISCLOSURE_CHOICES, validate_choice=False)

    def __init__(self, *args: Any, is_endangered: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_endangered = is_endangered
        if is_endangered:
            self.disclosure.choices = CAREFUL_CHOICES

    def validate_disclosure(self, field: RadioField) -> None:
        """Accept only the offered choices."""
        _known_disclosure(field)
        if self.is_endangered and field.data == PUBLIC:
            raise StopValidation(NOT_PUBLISHED)


@lru_cache(maxsize=32)
def _residences(language: str, endangered: frozenset[str], wary: frozenset[str]) -> tuple[SelectChoice, ...]:
    # Cached, since sorting 250 names takes longer than recording a signature.
    kinds = dict.fromkeys(wary, WARY) | dict.fromkeys(endangered, ENDANGERED)
    return tuple(
        SelectChoice(code, name, {"data-advice": kinds[code]} if code in kinds else {})
        for code, name in residence.choices(language)
    )


def _known_disclosure(field: RadioField) -> None:
    if field.data not in {choice.value for choice in DISCLOSURE_CHOICES}:
        raise StopValidation(_("Choose who may see your name."))
