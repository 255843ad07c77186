"""MACs of signatures: what somebody writes into a row without the server's key leads to nothing."""

import hmac
from typing import Protocol
from uuid import UUID


class HasDigest(Protocol):
    """The columns that bind a digest to its signature, of a row or an object."""

    @property
    def state_code(self) -> str:
        """The letter."""

    @property
    def id(self) -> UUID:
        """The signature's id."""

    @property
    def digest(self) -> bytes | None:
        """Of the mailbox."""

    @property
    def digest_mac(self) -> bytes | None:
        """Of the three others."""


def digest_mac(key: bytes, state_code: str, id_: UUID, digest: bytes) -> bytes:
    """Return the MAC under *key*, the server's for rows, of the digest of a signature."""
    content = b"digest\0%b%b%b" % (digest, id_.bytes, state_code.encode())
    return hmac.digest(key, content, "sha256")


def has_own_digest(key: bytes, row: HasDigest) -> bool:
    """Whether the site itself gave the signature its digest."""
    if row.digest is None or row.digest_mac is None:
        return False
    return hmac.compare_digest(row.digest_mac, digest_mac(key, row.state_code, row.id, row.digest))
