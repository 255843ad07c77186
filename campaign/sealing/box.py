"""Sealing: what a supporter gives is closed on arrival, and only an organiser's passphrase opens it.

Sealed boxes are libsodium's (X25519, XSalsa20-Poly1305, through PyNaCl); keys are wrapped
in secret boxes under a key stretched from a passphrase (Argon2id) or taken from a long
random token. Nothing here touches the database.
"""

import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import NamedTuple

from nacl.bindings import sodium_pad
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.pwhash import argon2id
from nacl.secret import SecretBox

from campaign.errors import WrongKeyError

BLOCK_BYTES = 256
"""Contents are padded to multiples of this, so that a box's size does not tell a name's length."""


class Cost(NamedTuple):
    """What Argon2id may take: passes over memory, and bytes of it."""

    passes: int
    memory: int


COST = Cost(argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE)
"""For new passphrases; each wrapping keeps its own, so this may rise later."""


@dataclass(frozen=True, kw_only=True)
class Details:
    """What identifies a signatory, as it lies in a sealed box."""

    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    town: str = field(default="", repr=False)
    words: str = field(default="", repr=False)


class Opener:
    """Opens many boxes with one key, which is made ready once; threads may share it."""

    def __init__(self, private_key: bytes) -> None:
        self._box = SealedBox(PrivateKey(private_key))

    def details(self, box: bytes) -> Details:
        """Open what :func:`seal` closed.

        Raises:
            WrongKeyError: It was sealed to another key, or was altered.
        """
        padded = self.content(box)
        # What sodium_unpad does, at a tenth of its price: many thousand boxes are opened in a row.
        return Details(**json.loads(padded[: padded.rindex(b"\x80")].decode()))

    def content(self, box: bytes) -> bytes:
        """Open what :func:`seal_bytes` closed.

        Raises:
            WrongKeyError: It was sealed to another key, or was altered.
        """
        try:
            return self._box.decrypt(box)
        except CryptoError as error:
            raise WrongKeyError("this key does not open the box") from error


def new_pair() -> tuple[bytes, bytes]:
    """Return a new private key and its public key, 32 bytes each."""
    private = PrivateKey.generate()
    return bytes(private), bytes(private.public_key)


def public_half(private_key: bytes) -> bytes:
    """Return the public key that belongs to *private_key*.

    Raises:
        WrongKeyError: It is no private key.
    """
    if len(private_key) != PrivateKey.SIZE:
        raise WrongKeyError("this is no private key")
    return bytes(PrivateKey(private_key).public_key)


def seal(details: Details, public_key: bytes) -> bytes:
    """Close *details* so that only the private key of *public_key* opens them."""
    return seal_bytes(sodium_pad(_json(details), BLOCK_BYTES), public_key)


def unseal(box: bytes, private_key: bytes) -> Details:
    """Open what :func:`seal` closed.

    Raises:
        WrongKeyError: It was sealed to another key, or was altered.
    """
    return Opener(private_key).details(box)


def seal_bytes(content: bytes, public_key: bytes) -> bytes:
    """Close *content*, such as another private key, to *public_key*."""
    return bytes(SealedBox(PublicKey(public_key)).encrypt(content))


def unseal_bytes(box: bytes, private_key: bytes) -> bytes:
    """Open what :func:`seal_bytes` closed.

    Raises:
        WrongKeyError: It was sealed to another key, or was altered.
    """
    return Opener(private_key).content(box)


def wrap(content: bytes, key: bytes) -> bytes:
    """Close *content* under the secret *key* of 32 bytes."""
    return bytes(SecretBox(key).encrypt(content))


def wrap_alike(content: bytes, key: bytes) -> bytes:
    """Close *content* as :func:`wrap` does, but the same content to the same bytes each time."""
    nonce = hmac.digest(key, content, "sha256")[: SecretBox.NONCE_SIZE]
    return bytes(SecretBox(key).encrypt(content, nonce))


def unwrap(wrapped: bytes, key: bytes) -> bytes:
    """Open what :func:`wrap` closed.

    Raises:
        WrongKeyError: Another key closed it, or it was altered.
    """
    try:
        return bytes(SecretBox(key).decrypt(wrapped))
    except CryptoError as error:
        raise WrongKeyError("this key does not open the wrapping") from error


def passphrase_key(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    """Stretch *passphrase* into a key: slow and memory-hungry by intent (256 MiB, about a second)."""
    return bytes(argon2id.kdf(32, passphrase.encode(), salt, opslimit=cost.passes, memlimit=cost.memory))


def new_salt() -> bytes:
    """Return a salt for :func:`passphrase_key`."""
    return secrets.token_bytes(argon2id.SALTBYTES)


def _json(details: Details) -> bytes:
    return json.dumps(vars(details), ensure_ascii=False).encode()
