"""What a pending submission's private page shows: a copy of what was typed, and when.

The box of a signature opens only with an organiser's passphrase, so the page could not show what its
button confirms. Until then a copy stays beside the box, encrypted under the token that was mailed, of
which the database has only a hash, together with a key of the server, whose destruction in an emergency
makes noise of all copies at once. Beyond the daily limit no token is mailed: that copy is encrypted under
the server's key alone, and shown by the link in the last mail of that day; with a tag by none.

The time tells a mailbox's owner which message belongs to which submission. It is encrypted under the
server's key, so that a stolen copy of the database cannot be matched with a network's log.
"""

import hmac
import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from campaign.errors import WrongKeyError
from campaign.sealing import box
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import context_of

TIME_BYTES = 5


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What was typed, and what confirming it needs to know."""

    name: str = field(default="", repr=False)
    town: str = field(default="", repr=False)
    words: str = field(default="", repr=False)
    domain: str = field(default="", repr=False)
    """Digest of an owned mail domain, whose signatures beyond a daily number are held; else empty."""
    is_unlimited: bool = False
    """Whether it is never held for the number of signatures under that domain."""


def context(of_box: str, disclosure: str) -> str:
    """Return what a copy is bound to: all that its box is bound to, and who may see the name."""
    return f"{of_box} {disclosure}"


def mailed_key(token: str, keys: ServerKeys) -> bytes:
    """Return the key of a copy whose *token* was mailed."""
    return hmac.digest(keys.pending, token.encode(), "sha256")


def wrap(submission: Submission, key: bytes, context: str) -> bytes:
    """Return the encrypted copy of *submission*, padded so that its size tells no length."""
    content = json.dumps(vars(submission), ensure_ascii=False).encode()
    return box.wrap(box.pad(content), key, context)


def unwrap(row: Any, token: str, keys: ServerKeys) -> Submission | None:
    """Decrypt the copy of a signature, a row or an object; ``None`` if *token* does not open it.

    So it is when the token was mailed for another submission, and when the row was altered.
    """
    bound = context(context_of(row), row.disclosure)
    for key in (mailed_key(token, keys), keys.pending) if row.submission else ():
        with suppress(WrongKeyError):
            content = box.unwrap(row.submission, key, bound)
            return Submission(**json.loads(box.unpad(content)))
    return None


def wrap_time(now: datetime, keys: ServerKeys, of_box: str) -> bytes:
    """Return the encrypted time, to the second."""
    return box.wrap(int(now.timestamp()).to_bytes(TIME_BYTES), keys.pending, of_box)


def unwrap_time(row: Any, keys: ServerKeys) -> datetime | None:
    """Decrypt when a signature was submitted; ``None`` if that is not stored any more."""
    with suppress(WrongKeyError):
        if row.submitted_at is not None:
            content = box.unwrap(row.submitted_at, keys.pending, context_of(row))
            return datetime.fromtimestamp(int.from_bytes(content), UTC)
    return None
