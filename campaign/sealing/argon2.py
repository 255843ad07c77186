"""Argon2id: hashes that are slow and take memory on purpose."""

from typing import NamedTuple

from argon2.low_level import Type, hash_secret_raw

KEY_BYTES, SALT_BYTES = 32, 16


class Cost(NamedTuple):
    """Argon2id's parameters; it runs in one lane."""

    passes: int
    memory: int
    """In bytes."""


def derive(secret: bytes, salt: bytes, cost: Cost) -> bytes:
    """Derive a key of 32 bytes from *secret* and a *salt* of 16; other threads run meanwhile.

    libsodium derives the same, but maps new memory for each hash: for half a MiB that took a sixth of a
    signature's time. This library wipes its memory, and keeps it for the next.
    """
    return hash_secret_raw(
        secret,
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory // 1024,
        parallelism=1,
        hash_len=KEY_BYTES,
        type=Type.ID,
    )
