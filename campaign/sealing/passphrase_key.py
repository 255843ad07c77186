"""Keys derived from passphrases."""

import secrets

from campaign.sealing import argon2
from campaign.sealing.argon2 import Cost

COST = Cost(3, 256 * 1024 * 1024)
"""For new passphrases: 256 MiB, about a second. Each wrapping stores its own, so this may rise later."""


def stretch(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    """Derive a key of 32 bytes from *passphrase*; slow and memory-hungry on purpose."""
    return argon2.derive(passphrase.encode(), salt, cost)


def new_salt() -> bytes:
    """Return a random salt for :func:`stretch`."""
    return secrets.token_bytes(argon2.SALT_BYTES)
