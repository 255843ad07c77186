"""SMTP replies as errors that say whether to retry, without the addresses that replies quote."""

import re

from campaign.errors import MailError, PermanentMailError, RecipientMailError, TemporaryMailError

START_MAIL_INPUT, SERVICE_CLOSING, TOO_LARGE, PARAMETERS_NOT_RECOGNISED = 354, 421, 552, 555
"""Reply codes that are handled by themselves and not by their first digit (RFC 5321, 4.2.3)."""

Reply = tuple[int, bytes | str]
"""Code and text, as smtplib returns them."""

_ADDRESS = re.compile(r"\S*@\S*")


class StaleConnectionError(TemporaryMailError):
    """The connection was closed before any command of this message was accepted."""


def is_accepted(reply: Reply) -> bool:
    """Whether the relay accepted a command."""
    return reply[0] // 100 == 2


def sender_refusal(reply: Reply) -> MailError:
    """Return the error for a refused MAIL FROM."""
    if reply[0] == SERVICE_CLOSING:
        return refusal(reply, StaleConnectionError)
    # Mostly the account is refused and not this message; an operator may correct that meanwhile.
    is_final = reply[0] in {TOO_LARGE, PARAMETERS_NOT_RECOGNISED}
    return refusal(reply, PermanentMailError if is_final else TemporaryMailError)


def recipient_refusal(reply: Reply) -> MailError:
    """Return the error for a refused RCPT TO; a temporary one may come from the recipient's own server."""
    is_deferred = reply[0] // 100 == 4 and reply[0] != SERVICE_CLOSING
    return refusal(reply, RecipientMailError if is_deferred else None)


def refusal(reply: Reply, kind: type[MailError] | None = None) -> MailError:
    """Return the error for a refusal; by default a 5xx is permanent and anything else temporary."""
    code, text = reply
    if kind is None:
        kind = PermanentMailError if code // 100 == 5 else TemporaryMailError
    return kind(masked(code, text), code=max(code, 0))


def masked(code: int, text: bytes | str) -> str:
    """Return a reply for display: one short line, with every address masked."""
    decoded = text.decode(errors="replace") if isinstance(text, bytes) else text
    printable = "".join(each if each.isprintable() else " " for each in decoded)
    return f"{code} {' '.join(_ADDRESS.sub('…', printable).split())}"[:200]
