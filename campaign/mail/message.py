"""Messages and addresses, for mails to signatories and to delegations."""

import re
from datetime import datetime
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from uuid import UUID, uuid4

import idna

from campaign.errors import PermanentMailError
from campaign.settings import Settings


class _SmtpPolicy(EmailPolicy):
    """How headers become lines; long subjects are encoded here, as the library loses spaces of them."""

    def fold(self, name: str, value: str) -> str:
        """Return the lines of a header."""
        return self._subject(name, value) or str(super().fold(name, value))

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return the lines of a header, for a message in bytes."""
        return self._subject(name, value).encode("ascii") or super().fold_binary(name, value)

    def _subject(self, name: str, value: str) -> str:
        if self.utf8 or name.lower() != "subject" or value.isascii():
            return ""
        words = Header(str(value), "utf-8", header_name=name).encode(linesep=self.linesep)
        return f"{name}: {words}{self.linesep}"


POLICY = _SmtpPolicy(linesep="\r\n", max_line_length=200)
"""The lines are long enough that no address is folded in the middle."""

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
_LOCAL_BEYOND_ASCII = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\"(),:;<>@\[\\\]]+")


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


def shown_sender(settings: Settings) -> str:
    """Return whom our mails come from, as a mailbox shows it, so that people find them."""
    return str(parse_address(settings.mail_from))


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
