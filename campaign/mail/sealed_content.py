"""What a waiting mail is about: whom it goes to and what stands in it, closed under the server's key."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from nacl.bindings import sodium_pad, sodium_unpad

from campaign.sealing import box
from campaign.sealing.server_key import ServerKeys


class NewMail(NamedTuple):
    """A mail to be put into the outbox."""

    purpose: str
    language: str
    recipient: str
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Content:
    """What waits sealed."""

    recipient: str
    params: Mapping[str, Any]


def close(keys: ServerKeys, mail: NewMail) -> bytes:
    """Return what is kept of *mail* until it is sent; its size does not tell an address's length."""
    content = json.dumps({"recipient": mail.recipient, "params": mail.params}).encode()
    return box.wrap(sodium_pad(content, box.BLOCK_BYTES), keys.mail)


def read(keys: ServerKeys, closed: bytes) -> Content:
    """Open what :func:`close` returned.

    Raises:
        WrongKeyError: It was closed under another secret key, or was altered.
    """
    return Content(**json.loads(sodium_unpad(box.unwrap(closed, keys.mail), box.BLOCK_BYTES)))
