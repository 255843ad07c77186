"""Keys derived from passphrases with Argon2id."""

import secrets
from typing import NamedTuple

from nacl.pwhash import argon2id


class Cost(NamedTuple):
    """Argon2id's parameters."""

    passes: int
    memory: int
    """In bytes."""


COST = Cost(argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE)
"""For new passphrases: 256 MiB, about a second. Each wrapping stores its own, so this may rise later."""


def stretch(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    """Derive a key of 32 bytes from *passphrase*; slow and memory-hungry on purpose."""
    return bytes(argon2id.kdf(32, passphrase.encode(), salt, opslimit=cost.passes, memlimit=cost.memory))


def new_salt() -> bytes:
    """Return a random salt for :func:`stretch`."""
    return secrets.token_bytes(argon2id.SALTBYTES)
