"""Random codes for links and recovery, in Crockford base 32."""

import hashlib
import secrets

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Douglas Crockford's base 32: no I, L, O or U, so that a code survives being read aloud."""

TOKEN_CHARACTERS = 20
"""100 random bits: impossible to guess, and short enough to type."""

RECOVERY_CHARACTERS = 32
"""160 random bits."""


def new_code(characters: int = TOKEN_CHARACTERS) -> str:
    """Return a random code of Crockford's characters, five bits each."""
    bits = secrets.randbits(5 * characters)
    return "".join(CROCKFORD[bits >> 5 * at & 31] for at in range(characters))


def read_code(typed: str, characters: int = TOKEN_CHARACTERS) -> str | None:
    """Return the code in *typed*, or ``None`` when it cannot be one.

    Dashes, spaces and case are ignored; O is read as 0, and I and L as 1.
    """
    if len(typed) > characters * 4:
        return None
    code = "".join(typed.upper().replace("-", "").split()).translate(str.maketrans("OIL", "011"))
    return code if len(code) == characters and set(code) <= set(CROCKFORD) else None


def grouped(code: str) -> str:
    """Return *code* in groups of four, the form in which it is displayed."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def code_hash(code: str) -> bytes:
    """Return the hash that is stored in place of *code*; a random code needs no slow hash."""
    return hashlib.blake2b(code.encode(), digest_size=32, person=b"campaign-token").digest()


def code_key(code: str) -> bytes:
    """Return the key for wrappings under *code*, or the private key of the pair of a recovery code.

    It cannot be derived from :func:`code_hash`.
    """
    return hashlib.blake2b(code.encode(), digest_size=32, person=b"campaign-wrapkey").digest()
