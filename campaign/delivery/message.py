"""The e-mail that carries a delivery: the letter as text, letter and list as an attached PDF."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage

from campaign.delivery.document import NO_CODE, Document
from campaign.delivery.plan import Plan
from campaign.mail.message import new_message, parse_address
from campaign.reference.language import wording
from campaign.settings import Settings
from campaign.signature_list.cover import Cover


def delivery_message(
    settings: Settings, plan: Plan, document: Document, *, recipient: str, now: datetime
) -> EmailMessage:
    """Return the message with *document*; it is a test if the cover has no code."""
    _ = wording(plan.language.code).gettext
    message, subject = new_message(settings, recipient, now=now), plan.letter.subject
    if plan.organisation.name:
        sender = parse_address(settings.mail_from)
        message.replace_header("From", Address(plan.organisation.name, sender.username, sender.domain))
    if plan.organisation.contact:
        message["Reply-To"] = parse_address(plan.organisation.contact)
    message["Subject"] = (
        _("Test: %(subject)s") % {"subject": subject} if document.cover.code == NO_CODE else subject
    )
    message.set_content(_text(plan, document.cover))
    message.add_attachment(
        document.pdf,
        maintype="application",
        subtype="pdf",
        filename=f"{'letter' if plan.names_withheld else 'letter-and-list'}-{plan.state.code}.pdf",
    )
    # Set last: otherwise it would move into the first part.
    message["Content-Language"] = plan.language.code
    return message


def _text(plan: Plan, cover: Cover) -> str:
    _ = wording(plan.language.code).gettext
    notes = [
        _("The letter is attached as a PDF. It says how many signed, without names.")
        if plan.names_withheld
        else _("The letter and the list of its signatories are attached as one PDF.")
    ]
    if cover.code != NO_CODE:
        notes.append(_("What was sent can be checked at %(url)s") % {"url": cover.verify_url})
    about = "\n".join(notes)
    imprint = f"{plan.organisation.name}, {plan.organisation.seat}\n{plan.organisation.contact}"
    return f"{plan.letter.text().rstrip()}\n\n-- \n{about}\n\n{imprint}\n"
