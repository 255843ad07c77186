"""Purpose, language, recipient and parameters of a waiting mail, encrypted under the server's key."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from campaign.sealing import box
from campaign.sealing.server_key import ServerKeys


class NewMail(NamedTuple):
    """A mail to be stored in the outbox."""

    purpose: str
    language: str
    recipient: str
    params: Mapping[str, Any]
    delay: timedelta = timedelta()
    """How long it waits before it is due."""


@dataclass(frozen=True)
class Content:
    """The decrypted content of a waiting mail."""

    purpose: str
    language: str
    recipient: str
    params: Mapping[str, Any]


def wrap(keys: ServerKeys, mail: NewMail, mail_id: UUID) -> bytes:
    """Return the encrypted content of *mail*, padded so that its size does not tell the address's length.

    It is bound to the row's id: in another row it does not open.
    """
    content = {
        "purpose": mail.purpose,
        "language": mail.language,
        "recipient": mail.recipient,
        "params": mail.params,
    }
    return box.wrap(box.pad(json.dumps(content).encode()), keys.mail, _context(mail_id))


def unwrap(keys: ServerKeys, wrapped: bytes, mail_id: UUID) -> Content:
    """Decrypt what :func:`wrap` returned.

    Raises:
        AlteredError: It belongs to another row.
        WrongKeyError: It was encrypted under another secret key, or was altered.
    """
    content = box.unwrap(wrapped, keys.mail, _context(mail_id))
    return Content(**json.loads(box.unpad(content)))


def _context(mail_id: UUID) -> str:
    return f"mail {mail_id}"
