"""What a relay replies, as errors that say whether to try again and that quote no address."""

import re

from campaign.errors import MailError, PermanentMailError, RecipientMailError, TemporaryMailError

GO_ON, LEAVING, TOO_LARGE, NOT_UNDERSTOOD = 354, 421, 552, 555
"""Replies that mean more than their first digit says."""

_MAILBOX = re.compile(r"\S*@\S*")


class StaleLineError(TemporaryMailError):
    """The line was gone before anything of this message was said."""


def sender_refusal(code: int, text: bytes) -> MailError:
    """Return what it means that a sender was refused."""
    # It is mostly we who are refused, not this message; the relay may be set right meanwhile.
    kind = PermanentMailError if code in {TOO_LARGE, NOT_UNDERSTOOD} else TemporaryMailError
    return refusal(code, text, kind)


def recipient_refusal(code: int, text: bytes) -> MailError:
    """Return what it means that a recipient was refused."""
    return refusal(code, text, RecipientMailError if code // 100 == 4 and code != LEAVING else None)


def refusal(code: int, text: bytes | str, kind: type[MailError] | None = None) -> MailError:
    """Return what it means that something was refused, unless it is of *kind*."""
    if kind is None:
        kind = PermanentMailError if code // 100 == 5 else TemporaryMailError
    return kind(masked(code, text), code=max(code, 0))


def masked(code: int, text: bytes | str) -> str:
    """Return a reply as it may be shown: on one line, short, and without any address it quotes."""
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    shown = "".join(each if each.isprintable() else " " for each in words)
    return f"{code} {' '.join(_MAILBOX.sub('…', shown).split())}"[:200]
