"""Mails to signatories, as text and HTML; they tell nobody who reads over a shoulder what was signed."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import idna
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from campaign.errors import PermanentMailError
from campaign.paths import TEMPLATES
from campaign.reference.language import wording
from campaign.sealing.code import grouped
from campaign.settings import Settings

LINKS = "links"
PURPOSES = ("confirm", "already", LINKS)
"""Asks to confirm; says that this mailbox has already confirmed; brings a mailbox's links again."""

POLICY = policy.SMTP.clone(max_line_length=200)
"""Long enough that no address is ever folded in its middle."""

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
_LOCAL_BEYOND_ASCII = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\"(),:;<>@\[\\\]]+")


class Link(NamedTuple):
    """A private page's address, and the code that opens it when typed."""

    url: str
    code: str


def render(
    purpose: str,
    *,
    language: str,
    settings: Settings,
    recipient: str,
    params: Mapping[str, Any],
    message_id: UUID | None = None,
) -> EmailMessage:
    """Write the mail for *purpose* to *recipient*.

    Args:
        purpose: One of :data:`PURPOSES`.
        language: Code of the language it is written in.
        settings: Sender, base URL, and days a link is valid.
        recipient: A bare address.
        params: ``token``; for ``links``, ``links``: pairs of a state's code and a token.
        message_id: The same for every attempt, so that a mailbox can drop a second copy.

    Raises:
        PermanentMailError: *recipient* is no address.
    """
    tokens = [token for _, token in params["links"]] if purpose == LINKS else [params["token"]]
    entry = f"{settings.base_url}/{language}/signature"
    context = {
        "language": language,
        "entry": entry,
        "links": [Link(f"{entry}/{token}", grouped(token)) for token in tokens],
        "days": settings.confirmation_days,
    }
    environment = _environment(language)
    subject, text, html = (
        environment.get_template(f"{purpose}/{name}").render(context)
        for name in ("subject.txt", "body.txt", "body.html")
    )
    message = addressed(settings, recipient, message_id=message_id)
    message["Subject"] = " ".join(subject.split())
    # Out-of-office replies would tell others that this mailbox heard from us.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(text.strip() + "\n")
    message.add_alternative(html, subtype="html")
    # Last, or it would move into the first part.
    message["Content-Language"] = language
    return message


def addressed(settings: Settings, recipient: str, *, message_id: UUID | None = None) -> EmailMessage:
    """Return an empty message from the campaign to *recipient*, dated and numbered.

    Raises:
        PermanentMailError: *recipient* is no address.
    """
    sender = address(settings.mail_from)
    message = EmailMessage(policy=POLICY)
    message["From"] = sender
    message["To"] = address(recipient)
    # Neither clock zone nor name of the machine belongs in a mail.
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{message_id or uuid4()}@{sender.domain}>"
    return message


def address(text: str) -> Address:
    """Read an address, alone or as ``Name <address>``; its domain becomes ASCII, as SMTP wants it.

    Raises:
        PermanentMailError: It is none. The message does not repeat it.
    """
    try:
        return _parsed(text)
    except (ValueError, IndexError, MessageError):
        # Not chained: the cause's message quotes the address.
        raise PermanentMailError("this is not an e-mail address", code=553) from None


def _parsed(text: str) -> Address:
    name, bare = parseaddr(text) if text.endswith(">") else ("", text)
    local, _, domain = bare.rpartition("@")
    host = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    if not _HOST.fullmatch(host):
        raise ValueError("no host")
    if local.isascii():
        mailbox = Address(name, addr_spec=f"{local}@{host}")
        # The parser is kind to stray spaces and comments, and would write to another address.
        if not local.startswith('"') and mailbox.username != local:
            raise ValueError("no mailbox")
        return mailbox
    if not _LOCAL_BEYOND_ASCII.fullmatch(local):
        raise ValueError("no mailbox")
    return Address(name, username=local, domain=host)


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES / "email"),
        autoescape=select_autoescape(["html"], default=False),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(wording(language), newstyle=True)  # type: ignore[attr-defined]
    return environment
