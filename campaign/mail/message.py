"""Render mails to signatories as text and HTML, without naming what was signed."""

import re
from collections.abc import Mapping
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import idna
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context

from campaign.errors import PermanentMailError
from campaign.paths import TEMPLATES
from campaign.reference.language import wording
from campaign.sealing.code import grouped
from campaign.settings import Settings

LINKS = "links"
PURPOSES = ("confirm", LINKS)
"""Asks to confirm what was submitted; sends a mailbox's links again.

All have one subject and one first line, so that a locked phone does not tell whether its owner signed.
"""

POLICY = policy.SMTP.clone(max_line_length=200)
"""The lines are long enough that no address is folded in the middle."""

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
_LOCAL_BEYOND_ASCII = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\"(),:;<>@\[\\\]]+")


class Link(NamedTuple):
    """URL of a private page, and the code that opens it when typed."""

    url: str
    code: str


def render(
    purpose: str,
    *,
    language: str,
    settings: Settings,
    recipient: str,
    params: Mapping[str, Any],
    now: datetime,
    message_id: UUID | None = None,
) -> EmailMessage:
    """Render the mail for *purpose* to *recipient*.

    Args:
        purpose: One of :data:`PURPOSES`.
        language: Code of its language.
        settings: Give the sender, the base URL, and how many days a link is valid.
        recipient: An address without a name.
        params: ``token``, and ``is_last`` if it is the last mail of the day to this mailbox; for
            ``links``, ``links``: pairs of a state's code and a token.
        now: The Date header; aware UTC.
        message_id: The same for every attempt, so that a mailbox can drop a second copy.

    Raises:
        PermanentMailError: *recipient* is not an address.
    """
    tokens = [token for _, token in params["links"]] if purpose == LINKS else [params["token"]]
    entry = f"{settings.base_url}/{language}/signature"
    context = {
        "language": language,
        "entry": entry,
        "links": [Link(f"{entry}/{token}", grouped(token)) for token in tokens],
        "days": settings.confirmation_days,
        "is_last": params.get("is_last", False),
    }
    subject, text, html = (
        _environment().get_template(name).render(context)
        for name in ("subject.txt", f"{purpose}/body.txt", f"{purpose}/body.html")
    )
    message = new_message(settings, recipient, now=now, message_id=message_id)
    message["Subject"] = " ".join(subject.split())
    # An out-of-office reply would tell others that this mailbox got our mail.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(text.strip() + "\n")
    message.add_alternative(html, subtype="html")
    # Set last: otherwise it would move into the first part.
    message["Content-Language"] = language
    return message


def new_message(
    settings: Settings, recipient: str, *, now: datetime, message_id: UUID | None = None
) -> EmailMessage:
    """Return a message without content from the campaign to *recipient*, with Date and Message-ID.

    Raises:
        PermanentMailError: *recipient* is not an address.
    """
    sender = parse_address(settings.mail_from)
    message = EmailMessage(policy=POLICY)
    message["From"] = sender
    message["To"] = parse_address(recipient)
    # Neither the machine's time zone nor its name is in the mail.
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{message_id or uuid4()}@{sender.domain}>"
    return message


def parse_address(text: str) -> Address:
    """Parse an address, alone or as ``Name <address>``; its domain is converted to ASCII for SMTP.

    Raises:
        PermanentMailError: *text* is not an address. The message does not repeat it.
    """
    try:
        return _parsed(text)
    except (ValueError, IndexError, MessageError):
        # Not chained: the message of the cause quotes the address.
        raise PermanentMailError("this is not an e-mail address", code=553) from None


def _parsed(text: str) -> Address:
    name, bare = parseaddr(text) if text.endswith(">") else ("", text)
    local, _, domain = bare.rpartition("@")
    host = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    if not _HOST.fullmatch(host):
        raise ValueError("no host")
    if local.isascii():
        mailbox = Address(name, addr_spec=f"{local}@{host}")
        # The parser drops stray spaces and comments, which would give another address.
        if not local.startswith('"') and mailbox.username != local:
            raise ValueError("no mailbox")
        return mailbox
    if not _LOCAL_BEYOND_ASCII.fullmatch(local):
        raise ValueError("no mailbox")
    return Address(name, username=local, domain=host)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES / "email"),
        autoescape=select_autoescape(["html"], default=False),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    return environment


@pass_context
def _gettext(context: Context, text: str) -> str:
    return wording(context["language"]).gettext(text)


@pass_context
def _ngettext(context: Context, singular: str, plural: str, number: int) -> str:
    return wording(context["language"]).ngettext(singular, plural, number)
