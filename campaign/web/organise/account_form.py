"""The forms of the account page: organisation, roles, earlier setup links."""

from flask_babel import lazy_gettext as _
from wtforms import EmailField, RadioField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired

from campaign.organiser.role import ORGANISER, OWNER, READER
from campaign.web.base_form import NO_CORRECTION, Form
from campaign.web.field import Address, AtMost, Readable, one_line
from campaign.web.organise.login_form import NAME_REFUSED

ROLE_CHOICES = [
    SelectChoice(READER, _("Reader")),
    SelectChoice(ORGANISER, _("Organiser")),
    SelectChoice(OWNER, _("Owner")),
]


class RoleForm(Form):
    """The role of an account, or of an invitation."""

    role = RadioField(_("Role"), choices=ROLE_CHOICES, default=ORGANISER)


class InvitationForm(RoleForm):
    """The account of somebody who is invited; its name is the owner's choice, who knows the person."""

    name = StringField(
        _("Their name"),
        id="invited-name",  # the page has another field called name
        description=_("They log in with it, and the audit log shows it. They cannot choose another."),
        filters=[one_line],
        validators=[DataRequired(_("Enter the name of the person whom you invite.")), Readable(), AtMost(80)],
        render_kw={"autocomplete": "off", **NO_CORRECTION},
    )

    def refuse_name(self) -> None:
        """Report a name that is taken, looks like another, or is none for an account."""
        self.name.errors = [NAME_REFUSED]


class AdoptForm(Form):
    """The setup link of an earlier start; it opens the signatures of that time."""

    link = StringField(
        _("The earlier setup link, or the code at its end"),
        filters=[one_line],
        validators=[DataRequired(_("Enter the link that was printed at that start."))],
        render_kw={"autocomplete": "off", **NO_CORRECTION},
    )


class OrganisationForm(Form):
    """The sender of the letters and controller of the personal data."""

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
        description=_("Delegations and signatories can write to it. It gets replies to our mails, too."),
        filters=[one_line],
        validators=[DataRequired(_("Enter an e-mail address.")), Readable(), Address()],
        render_kw={"autocomplete": "email", **NO_CORRECTION},
    )
