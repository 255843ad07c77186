"""The keys that the server derives from ``SECRET_KEY``."""

import hmac
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, kw_only=True)
class ServerKeys:
    """The keys the running server has; none of them opens a sealed box."""

    mail: bytes = field(repr=False)
    """Closes what waits in the outbox."""
    digest: bytes = field(repr=False)
    """Makes a mailbox recognisable without keeping its address."""
    session: bytes = field(repr=False)
    """Joined with an organiser's cookie, closes the key in that organiser's session."""
    cookie: bytes = field(repr=False)
    """Signs cookies and forms' tokens."""
    proof: bytes = field(repr=False)
    """Signs the puzzles and tickets that are given to whoever signs in a rush."""
    place: bytes = field(repr=False)
    """Closes a place among the public names, as it stands in an address."""

    @classmethod
    def from_secret(cls, secret_key: str, digest_salt: bytes = b"") -> Self:
        """Derive every key from the one secret.

        Args:
            secret_key: ``CAMPAIGN_SECRET_KEY``.
            digest_salt: Random bytes kept in the database; once they are destroyed, no
                digest can be matched with an address any more, whoever has the secret, and
                no place with a signature.
        """
        secret = secret_key.encode()
        return cls(
            mail=_derive(secret, b"mail"),
            digest=_derive(secret, b"digest" + digest_salt),
            session=_derive(secret, b"session"),
            cookie=_derive(secret, b"cookie"),
            proof=_derive(secret, b"proof"),
            place=_derive(secret, b"place" + digest_salt),
        )


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, b"letter campaign: " + purpose, "sha256")
