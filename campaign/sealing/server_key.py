"""The keys of the server: those derived from ``SECRET_KEY``, and the random one of the digests."""

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Self

from sqlalchemy.orm import Session

from campaign.database.fact import read_fact, save_fact
from campaign.sealing import box

DIGEST_KEY = "digest_key"
"""The name in the table ``site`` of the digests' key, wrapped under ``SECRET_KEY``.

It is random, so that ``SECRET_KEY`` can be changed without the addresses. Once it is destroyed,
nothing matches digests with addresses, or positions with signatures.
"""


@dataclass(frozen=True, kw_only=True)
class ServerKeys:
    """The keys of the running server; none of them opens a sealed box."""

    mail: bytes = field(repr=False)
    """Encrypts the outbox."""
    digest: bytes = field(repr=False)
    """Keys the digests of addresses."""
    address_salt: bytes = field(repr=False)
    """Of the slow hash of addresses; 16 bytes."""
    pending: bytes = field(repr=False)
    """Encrypts when a signature was submitted, and the copy of it that no mailed token opens."""
    session: bytes = field(repr=False)
    """Encrypts the key in an organiser's session, together with the cookie."""
    cookie: bytes = field(repr=False)
    """Signs cookies and CSRF tokens."""
    proof: bytes = field(repr=False)
    """Signs proof-of-work challenges and tickets."""
    row: bytes = field(repr=False)
    """Makes the MACs of rows; see :mod:`campaign.sealing.row_mac`."""
    audit: bytes = field(repr=False)
    """Chains the audit log; see :mod:`campaign.organiser.audit_chain`."""
    cursor: bytes = field(repr=False)
    """Encrypts the position in the list of public names, which is part of a URL."""

    @classmethod
    def from_secret(cls, secret_key: str, digest_key: bytes = b"") -> Self:
        """Derive every key from the secret, and those of the digests from *digest_key*."""
        secret = secret_key.encode()
        return cls(
            mail=_derive(secret, b"mail"),
            digest=_derive(digest_key, b"digest"),
            pending=_derive(digest_key, b"pending"),
            address_salt=_derive(digest_key, b"address")[:16],
            session=_derive(secret, b"session"),
            cookie=_derive(secret, b"cookie"),
            proof=_derive(secret, b"proof"),
            row=_derive(secret, b"row"),
            audit=_derive(secret, b"audit"),
            cursor=_derive(digest_key, b"place"),
        )

    @classmethod
    def load(cls, db: Session, secret_key: str) -> Self | None:
        """Return the keys of this database; ``None`` if that of its digests was not made, or was destroyed.

        Raises:
            WrongKeyError: It is wrapped under another secret.
        """
        wrapped = read_fact(db, DIGEST_KEY)
        return None if wrapped is None else cls.from_wrapped(secret_key, bytes.fromhex(wrapped))

    @classmethod
    def from_wrapped(cls, secret_key: str, wrapped: bytes) -> Self:
        """Return the keys with the digests' key in *wrapped*.

        Raises:
            WrongKeyError: It is wrapped under another secret.
        """
        return cls.from_secret(secret_key, box.unwrap(wrapped, _wrapping_key(secret_key), DIGEST_KEY))

    @classmethod
    def rewrap(cls, db: Session, old_secret: str, new_secret: str) -> Self:
        """Wrap the digests' key under another secret; return all keys."""
        wrapped = bytes.fromhex(read_fact(db, DIGEST_KEY) or "")
        digest_key = box.unwrap(wrapped, _wrapping_key(old_secret), DIGEST_KEY)
        save_fact(db, DIGEST_KEY, box.wrap(digest_key, _wrapping_key(new_secret), DIGEST_KEY).hex())
        return cls.from_secret(new_secret, digest_key)

    @classmethod
    def make(cls, db: Session, secret_key: str) -> Self:
        """Make a key for the digests and store it, wrapped; return all keys."""
        digest_key = secrets.token_bytes(32)
        save_fact(db, DIGEST_KEY, box.wrap(digest_key, _wrapping_key(secret_key), DIGEST_KEY).hex())
        return cls.from_secret(secret_key, digest_key)


def _wrapping_key(secret_key: str) -> bytes:
    return _derive(secret_key.encode(), b"digest key")


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, b"letter campaign: " + purpose, "sha256")
