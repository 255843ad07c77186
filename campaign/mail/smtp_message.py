"""A message as SMTP carries it: envelope and bytes."""

import re
from dataclasses import dataclass, field
from email.generator import BytesGenerator
from email.message import EmailMessage
from io import BytesIO

from campaign.errors import PermanentMailError
from campaign.mail.message import POLICY, parse_address


@dataclass(frozen=True)
class SmtpMessage:
    """An encoded message with its envelope."""

    sender: str
    recipients: tuple[str, ...] = field(repr=False)
    content: bytes = field(repr=False)
    """Lines end with CR LF, leading dots are doubled (RFC 5321, 4.5.2); the final dot is not included."""
    is_international: bool
    """Whether an address needs more than ASCII (SMTPUTF8)."""


def encode(message: EmailMessage) -> SmtpMessage:
    """Encode *message*; its From, To and Cc are the envelope.

    Raises:
        PermanentMailError: It has no sender or no recipient.
    """
    headers = (message[name] for name in ("From", "To", "Cc"))
    senders, to, cc = ([*header.addresses] if header else [] for header in headers)
    if not senders or not to + cc:
        raise PermanentMailError("this message has no sender or no recipient", code=553)
    sender, *recipients = (parse_address(each.addr_spec).addr_spec for each in (senders[0], *to, *cc))
    is_international = not all(each.isascii() for each in (sender, *recipients))
    buffer = BytesIO()
    BytesGenerator(buffer, policy=POLICY.clone(utf8=is_international)).flatten(message)
    content = re.sub(rb"(?m)^\.", b"..", buffer.getvalue())
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    return SmtpMessage(sender, tuple(recipients), content, is_international)
