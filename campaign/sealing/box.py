"""Sealed boxes, and wrappings of keys.

A *box* is sealed to a public key and opened with its private key (libsodium's sealed box: X25519,
XSalsa20-Poly1305). A *wrapping* is encrypted with a secret key and decrypted with the same key
(libsodium's secret box).

Each is bound to its *context*, a text that says to which row it belongs. The context is part of what is
encrypted, and compared when it is opened: copied into another row, neither opens as that row's.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass, field

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.secret import SecretBox

from campaign.errors import AlteredError, WrongKeyError

BLOCK_BYTES = 256
"""Contents are padded to multiples of this, so that a box's size does not reveal a name's length."""

CONTEXT_BYTES = 16
"""Of the hash of a context."""

_CONTEXT = "of"
"""The name of the context in the content of a signature's box."""


@dataclass(frozen=True, kw_only=True)
class Details:
    """The content of a signature's box: what identifies the signatory."""

    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    town: str = field(default="", repr=False)
    words: str = field(default="", repr=False)


class Opener:
    """Opens many boxes with one private key, which it prepares once; threads may share it."""

    def __init__(self, private_key: bytes) -> None:
        self._box = SealedBox(PrivateKey(private_key))

    def details(self, box: bytes, context: str) -> Details:
        """Return the content of a box from :func:`seal`.

        Raises:
            AlteredError: The box was sealed for another context, or not by :func:`seal`.
            WrongKeyError: The box was sealed to another key, or was altered.
        """
        padded = self.decrypt(box)
        try:
            content = json.loads(unpad(padded).decode())
            sealed_for, details = content.pop(_CONTEXT), Details(**content)
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise AlteredError("this box was sealed by somebody else") from error
        if sealed_for != context or set(map(type, content.values())) - {str}:
            raise AlteredError("this box belongs to another row")
        return details

    def content(self, box: bytes, context: str) -> bytes:
        """Return the content of a box from :func:`seal_bytes`.

        Raises:
            AlteredError: The box was sealed for another context.
            WrongKeyError: The box was sealed to another key, or was altered.
        """
        return _without_context(self.decrypt(box), context)

    def decrypt(self, box: bytes) -> bytes:
        """Return what a box has in it, its context too.

        Raises:
            WrongKeyError: The box was sealed to another key, or was altered.
        """
        try:
            return self._box.decrypt(box)
        # A box of another length than any box has is a ValueError.
        except (CryptoError, ValueError) as error:
            raise WrongKeyError("this key does not open the box") from error


def new_pair() -> tuple[bytes, bytes]:
    """Return a new private key and its public key, 32 bytes each."""
    private = PrivateKey.generate()
    return bytes(private), bytes(private.public_key)


def public_half(private_key: bytes) -> bytes:
    """Return the public key that belongs to *private_key*.

    Raises:
        WrongKeyError: *private_key* has not the length of a private key.
    """
    if len(private_key) != PrivateKey.SIZE:
        raise WrongKeyError("this is no private key")
    return bytes(PrivateKey(private_key).public_key)


def seal(details: Details, public_key: bytes, context: str) -> bytes:
    """Seal *details* for *context*; only the private key of *public_key* opens the box."""
    content = json.dumps({**vars(details), _CONTEXT: context}, ensure_ascii=False).encode()
    return encrypt(pad(content), public_key)


def unseal(box: bytes, private_key: bytes, context: str) -> Details:
    """Open a box from :func:`seal`; for its errors see :meth:`Opener.details`."""
    return Opener(private_key).details(box, context)


def seal_bytes(content: bytes, public_key: bytes, context: str) -> bytes:
    """Seal *content*, such as another private key, for *context* to *public_key*."""
    return encrypt(_context_hash(context) + content, public_key)


def unseal_bytes(box: bytes, private_key: bytes, context: str) -> bytes:
    """Open a box from :func:`seal_bytes`; for its errors see :meth:`Opener.content`."""
    return Opener(private_key).content(box, context)


def encrypt(content: bytes, public_key: bytes) -> bytes:
    """Seal what :meth:`Opener.decrypt` returned, with the context in it, to another key."""
    return bytes(SealedBox(PublicKey(public_key)).encrypt(content))


def pad(content: bytes) -> bytes:
    """Pad *content* to whole blocks (ISO/IEC 7816-4), so that its size reveals little."""
    # Many times faster than sodium_pad, as is the reverse: each signature pads three contents.
    return content + b"\x80" + bytes(-(len(content) + 1) % BLOCK_BYTES)


def unpad(padded: bytes) -> bytes:
    """Return what :func:`pad` padded.

    Raises:
        ValueError: It was not padded.
    """
    return padded[: padded.rindex(b"\x80")]


def wrap(content: bytes, key: bytes, context: str) -> bytes:
    """Encrypt *content* for *context* with the secret *key* of 32 bytes."""
    return bytes(SecretBox(key).encrypt(_context_hash(context) + content))


def encrypt_deterministically(content: bytes, key: bytes) -> bytes:
    """Encrypt *content*, which belongs to no row, to the same bytes each time; see :func:`decrypt`."""
    nonce = hmac.digest(key, content, "sha256")[: SecretBox.NONCE_SIZE]
    return bytes(SecretBox(key).encrypt(content, nonce))


def unwrap(wrapped: bytes, key: bytes, context: str) -> bytes:
    """Decrypt what :func:`wrap` returned.

    Raises:
        AlteredError: It was encrypted for another context.
        WrongKeyError: It was encrypted with another key, or was altered.
    """
    return _without_context(decrypt(wrapped, key), context)


def decrypt(wrapped: bytes, key: bytes) -> bytes:
    """Return what a wrapping has in it, its context too.

    Raises:
        WrongKeyError: It was encrypted with another key, or was altered.
    """
    try:
        return bytes(SecretBox(key).decrypt(wrapped))
    # A wrapping of another length than any wrapping has is a ValueError.
    except (CryptoError, ValueError) as error:
        raise WrongKeyError("this key does not open the wrapping") from error


def _context_hash(context: str) -> bytes:
    return hashlib.blake2b(context.encode(), digest_size=CONTEXT_BYTES).digest()


def _without_context(content: bytes, context: str) -> bytes:
    if content[:CONTEXT_BYTES] != _context_hash(context):
        raise AlteredError("this belongs to another row")
    return content[CONTEXT_BYTES:]
