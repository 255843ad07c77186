"""The keys that the server derives from ``SECRET_KEY``."""

import hmac
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, kw_only=True)
class ServerKeys:
    """The keys of the running server; none of them opens a sealed box."""

    mail: bytes = field(repr=False)
    """Encrypts the outbox."""
    digest: bytes = field(repr=False)
    """Keys the digests of addresses."""
    session: bytes = field(repr=False)
    """Encrypts the key in an organiser's session, together with the cookie."""
    cookie: bytes = field(repr=False)
    """Signs cookies and CSRF tokens."""
    proof: bytes = field(repr=False)
    """Signs proof-of-work challenges and tickets."""
    cursor: bytes = field(repr=False)
    """Encrypts the position in the list of public names, which is part of a URL."""

    @classmethod
    def from_secret(cls, secret_key: str, digest_salt: bytes = b"") -> Self:
        """Derive every key from the secret.

        Args:
            secret_key: ``CAMPAIGN_SECRET_KEY``.
            digest_salt: Random bytes in the database. Once they are destroyed, the secret alone can
                no longer match digests with addresses, or positions with signatures.
        """
        secret = secret_key.encode()
        return cls(
            mail=_derive(secret, b"mail"),
            digest=_derive(secret, b"digest" + digest_salt),
            session=_derive(secret, b"session"),
            cookie=_derive(secret, b"cookie"),
            proof=_derive(secret, b"proof"),
            cursor=_derive(secret, b"place" + digest_salt),
        )


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, b"letter campaign: " + purpose, "sha256")
