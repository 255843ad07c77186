"""Messages as they go over the wire; those to signatories are filled into a skeleton made once.

To write a mail, turn it into headers and parts, and those into bytes, takes five times as long
as to hand it to a relay. In mails for one purpose only address, number, date and tokens differ.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.generator import BytesGenerator
from email.message import EmailMessage
from email.utils import format_datetime
from functools import lru_cache
from io import BytesIO
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4

from campaign.errors import PermanentMailError
from campaign.mail.message import LINKS, POLICY, address, render
from campaign.sealing.code import CROCKFORD, TOKEN_CHARACTERS, grouped, new_code
from campaign.settings import Settings

ENVELOPE = ("From", "To", "Cc")

SKELETONS = 128
"""Purposes, languages and numbers of links that are kept ready."""

LONGEST_PLAIN = 150
"""Characters of an address that surely fits on its header's line."""

# Addresses that stand in a header as they are; all others are written the long way.
_PLAIN = re.compile(
    r"[a-z0-9_+-]+(\.[a-z0-9_+-]+)*@([a-z0-9]+(-+[a-z0-9]+)*\.)+[a-z]{2,}", re.ASCII | re.IGNORECASE
)

_TOKEN = re.compile(f"[{CROCKFORD}]{{{TOKEN_CHARACTERS}}}")


@dataclass(frozen=True)
class Wire:
    """A message with its envelope, ready to be handed over."""

    sender: str
    recipients: tuple[str, ...] = field(repr=False)
    content: bytes = field(repr=False)
    """Without its end: leading dots doubled, lines ended by CR LF."""
    is_international: bool = False
    """Whether an address needs more than ASCII."""
    is_plain: bool = False
    """Whether it goes to one recipient, and nothing in its envelope needs a second look."""

    def message(self) -> EmailMessage:
        """Return the message as a mailbox reads it."""
        lines = self.content.replace(b"\r\n", b"\n")
        return message_from_bytes(re.sub(rb"(?m)^\.\.", b".", lines), policy=POLICY)


def wire(message: EmailMessage) -> Wire:
    """Make *message* ready.

    Raises:
        PermanentMailError: It has no sender or no recipient.
    """
    senders, *others = ([*field.addresses] if field else [] for field in map(message.get, ENVELOPE))
    recipients = tuple(address(each.addr_spec).addr_spec for field in others for each in field)
    if not senders or not recipients:
        raise PermanentMailError("this message has no sender or no recipient", code=553)
    sender = address(senders[0].addr_spec).addr_spec
    is_international = not all(each.isascii() for each in (sender, *recipients))
    buffer = BytesIO()
    BytesGenerator(buffer, policy=POLICY.clone(utf8=is_international)).flatten(message)
    content = re.sub(rb"(?m)^\.", b"..", buffer.getvalue())
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    return Wire(sender, recipients, content, is_international)


def written(
    purpose: str,
    *,
    language: str,
    settings: Settings,
    recipient: str,
    params: Mapping[str, Any],
    message_id: UUID | None = None,
) -> Wire:
    """Write the mail for *purpose* to *recipient*: what :func:`render` writes, in a fraction of the time.

    Raises:
        PermanentMailError: *recipient* is no address.
    """
    tokens = [token for _, token in params["links"]] if purpose == LINKS else [params["token"]]
    is_plain = len(recipient) <= LONGEST_PLAIN and _PLAIN.fullmatch(recipient) is not None
    if is_plain and all(map(_TOKEN.fullmatch, tokens)):
        skeleton = _skeleton(purpose, language, settings, len(tokens))
        if skeleton is not None:
            return skeleton.filled(recipient, message_id or uuid4(), _date(int(time.time())), tokens)
    return wire(
        render(
            purpose,
            language=language,
            settings=settings,
            recipient=recipient,
            params=params,
            message_id=message_id,
        )
    )


@lru_cache(1)
def _date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


@dataclass(frozen=True)
class _Sample:
    """What differs between two mails, made up."""

    recipient: str
    message_id: UUID
    date: str
    tokens: Sequence[str]

    @classmethod
    def new(cls, links: int, *, date: str) -> "_Sample":
        return cls(f"{token_hex(8)}@sample.example", uuid4(), date, [new_code() for _ in range(links)])

    def wire(self, purpose: str, language: str, settings: Settings, boundary: str) -> Wire:
        message = render(
            purpose,
            language=language,
            settings=settings,
            recipient=self.recipient,
            params={"token": self.tokens[0], "links": [("", token) for token in self.tokens]},
            message_id=self.message_id,
        )
        message.replace_header("Date", self.date)
        message.set_boundary(boundary)
        return wire(message)


@dataclass(frozen=True)
class _Skeleton:
    """A mail in pieces; every second one is the place in the sample that is filled anew."""

    wire: Wire
    pieces: tuple[bytes, ...]
    places: tuple[int, ...]

    def filled(self, recipient: str, message_id: UUID, date: str, tokens: Sequence[str]) -> Wire:
        values = _values(recipient, message_id, date, tokens)
        pieces = list(self.pieces)
        pieces[1::2] = [values[place] for place in self.places]
        return Wire(
            self.wire.sender, (recipient,), b"".join(pieces), self.wire.is_international, is_plain=True
        )


def _values(recipient: str, message_id: UUID, date: str, tokens: Sequence[str]) -> list[bytes]:
    texts = [recipient, str(message_id), date, *tokens, *map(grouped, tokens)]
    return [text.encode() for text in texts]


@lru_cache(SKELETONS)
def _skeleton(purpose: str, language: str, settings: Settings, links: int) -> _Skeleton | None:
    """Take a mail apart; none where it cannot be put together again, such as one that is encoded."""
    boundary = f"=_{token_hex(16)}"
    sample, other = (_Sample.new(links, date=f"Thu, 0{day} Jan 1970 00:00:00 +0000") for day in (1, 8))
    whole = sample.wire(purpose, language, settings, boundary)
    values = _values(sample.recipient, sample.message_id, sample.date, sample.tokens)
    pieces = tuple(re.split(b"(" + b"|".join(map(re.escape, values)) + b")", whole.content))
    skeleton = _Skeleton(whole, pieces, tuple(values.index(piece) for piece in pieces[1::2]))
    refilled = skeleton.filled(other.recipient, other.message_id, other.date, other.tokens)
    is_sound = refilled.content == other.wire(purpose, language, settings, boundary).content
    return skeleton if is_sound else None
