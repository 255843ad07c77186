"""An attacker with a copy of the server who tries every possible key on every sealed box."""

import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from nacl.bindings import crypto_secretbox_open_easy
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey
from nacl.secret import SecretBox
from sqlalchemy import LargeBinary, MetaData, Table, select
from sqlalchemy.orm import Session

from campaign.database.table import Base
from campaign.errors import WrongKeyError
from campaign.organiser.account import Organiser
from campaign.sealing import box as seal
from campaign.sealing import passphrase_key
from campaign.sealing.argon2 import Cost
from campaign.sealing.code import code_key
from campaign.sealing.server_key import ServerKeys
from campaign.worker import schedule

assert schedule, "imported so that every table is known"

BOXES = {
    "invalidation.sealed",
    "signature.sealed",
    "signature.submission",
    "signature.submitted_at",
    "key_wrapping.wrapped",
    "organiser.second_factor",
    "organiser.wrapped_private_key",
    "organiser_session.sealed_key",
    "outbox.sealed",
}
"""Columns of sealed or encrypted content."""

SEALED_TO_A_PUBLIC_KEY = {"invalidation.sealed", "key_wrapping.wrapped", "signature.sealed"}
"""Those that a private key opens, which takes much longer to try; a secret key opens the others."""

NO_BOXES = {
    "audit_end.entry_mac",
    "audit_end.mac",
    "audit_entry.mac",
    "campaign_key.mac",
    "campaign_key.public_key",
    "delegation.mac",
    "delivery.letter_hash",
    "delivery.list_hash",
    "domain_day.digest",
    "key_wrapping.mac",
    "key_wrapping.opens_hash",
    "key_wrapping.public_key",
    "letter_edition.content_hash",
    "letter_edition.mac",
    "mailbox_day.digest",
    "mailbox_day.link",
    "organiser.mac",
    "organiser.public_key",
    "organiser.salt",
    "organiser_session.hash",
    "organiser_session.mac",
    "signature.decision_mac",
    "signature.digest",
    "signature.digest_mac",
    "signature_token.hash",
    "signature_token.mac",
    "spent_proof.hash",
}
"""Columns of hashes, digests, MACs, salts and public keys; each value is tried as a key."""

LONGEST_KEY = 2_000
"""In bytes: what is longer, the letters' texts, everybody reads; it is not tried as a key."""

_CODE = re.compile(rb"[0-9A-HJKMNP-TV-Z]{20,32}")


@dataclass(frozen=True)
class Loot:
    """Content of a copied database."""

    boxes: dict[tuple[str, int], bytes]
    """By column and row number."""
    strings: frozenset[bytes]
    """Every value of every table as bytes, also decoded from hexadecimal."""
    salts: tuple[tuple[bytes, Cost], ...]
    """Salt and Argon2 cost of each organiser's passphrase."""

    @property
    def keys(self) -> set[bytes]:
        """The strings that may be keys or lead to keys."""
        return {each for each in self.strings if len(each) <= LONGEST_KEY}

    def of(self, column: str) -> set[tuple[str, int]]:
        return {name for name in self.boxes if name[0] == column}


def binary_columns() -> set[str]:
    """Return every column that holds bytes."""
    columns = (column for table in Base.metadata.tables.values() for column in table.columns)
    return {
        f"{column.table.name}.{column.name}" for column in columns if isinstance(column.type, LargeBinary)
    }


def take(db: Session) -> Loot:
    """Return the content of every table."""
    boxes: dict[tuple[str, int], bytes] = {}
    strings: set[bytes] = set()
    for table in Base.metadata.sorted_tables:
        for number, row in enumerate(db.execute(select(table)).mappings()):
            for name, content in row.items():
                strings |= set(_as_bytes(content))
                if f"{table.name}.{name}" in BOXES and content is not None:
                    boxes[f"{table.name}.{name}", number] = content
    for table in _tables_of_others(db):
        strings |= {string for row in db.execute(select(table)) for each in row for string in _as_bytes(each)}
    salts = tuple((each.salt, Cost(each.passes, each.memory)) for each in db.scalars(select(Organiser)))
    return Loot(boxes, frozenset(strings), salts)


def _tables_of_others(db: Session) -> list[Table]:
    """Return tables of libraries, such as the queue's."""
    there = MetaData()
    there.reflect(db.connection())
    return [table for table in there.sorted_tables if table.name not in Base.metadata.tables]


def server_keys(db: Session, secret: str) -> set[bytes]:
    """Return every key that the server derives from its secret, and the secret itself."""
    derived = (ServerKeys.load(db, secret), ServerKeys.from_secret(secret))
    return {secret.encode(), *(key for keys in derived if keys for key in vars(keys).values())}


def possible_keys(loot: Loot, secret: str) -> Iterator[ServerKeys]:
    """Yield the server's keys with every digest key that its secret unwraps in *loot*."""
    yield ServerKeys.from_secret(secret)
    for string in loot.strings:
        with suppress(ValueError, WrongKeyError):
            yield ServerKeys.from_wrapped(secret, bytes.fromhex(string.decode()))


def recipients(loot: Loot, passphrase: str) -> dict[tuple[str, int], bytes]:
    """Return the public key of each sealed box in *loot* that an organiser's *passphrase* opens."""
    contents = opened(loot, [], passphrases=[passphrase]).values()
    keys = {content[seal.CONTEXT_BYTES :] for content in contents}
    private_keys = [key for key in keys if len(key) == PrivateKey.SIZE]
    found = {}
    for name, box in loot.boxes.items():
        for key in private_keys if name[0] in SEALED_TO_A_PUBLIC_KEY else ():
            with suppress(WrongKeyError):
                seal.Opener(key).decrypt(box)
                found[name] = seal.public_half(key)
    return found


def opened(
    loot: Loot,
    known: Iterable[bytes],
    *,
    server: Collection[bytes] = (),
    passphrases: Iterable[str] = (),
    sealed_to: Mapping[tuple[str, int], bytes] = MappingProxyType({}),
) -> dict[tuple[str, int], bytes]:
    """Try all that is *known*, and then what boxes contained, on every box until nothing more opens.

    Args:
        loot: The copy.
        known: Possible keys, codes and cookies.
        server: The server's keys, which are also combined with all that is known.
        passphrases: Possible passphrases of organisers.
        sealed_to: The public key of some boxes: of all private keys, only that one's can open them.
    """
    contents: dict[tuple[str, int], bytes] = {}
    stretched = {passphrase_key.stretch(each, *salt) for each in passphrases for salt in loot.salts}
    new = {*known, *server, *stretched}
    while new:
        keys = {key for each in new for key in _keys_of(each)}
        # The combination is a secret key, as of a session, and never a private key.
        secret_keys = keys | {hmac.digest(key, each, "sha256") for key in server for each in new}
        openers = {seal.public_half(key): seal.Opener(key) for key in keys}
        gained = {}
        for name in loot.boxes.keys() - contents.keys():
            fitting = openers.values() if name[0] in SEALED_TO_A_PUBLIC_KEY else ()
            if name in sealed_to:
                fitting = [openers[key] for key in {sealed_to[name]} & openers.keys()]
            if (content := _open(loot.boxes[name], secret_keys, fitting)) is not None:
                gained[name] = content
        contents |= gained
        new = {
            part
            for content in gained.values()
            for part in (content, content[seal.CONTEXT_BYTES :], *_CODE.findall(content))
        }
    return contents


def _keys_of(string: bytes) -> Iterator[bytes]:
    """Yield the keys that *string* is or that this software derives from it."""
    yield hashlib.sha256(string).digest()
    yield hashlib.blake2b(string, digest_size=32).digest()
    if len(string) >= 32:
        yield string[:32]
        yield string[-32:]
    with suppress(UnicodeDecodeError):
        yield code_key(string.decode())


def _open(box: bytes, secret_keys: Iterable[bytes], openers: Iterable[seal.Opener]) -> bytes | None:
    # As box.decrypt() does, in a fourth of its time: there are half a million tries.
    nonce, encrypted = box[: SecretBox.NONCE_SIZE], box[SecretBox.NONCE_SIZE :]
    for key in secret_keys:
        try:
            return bytes(crypto_secretbox_open_easy(encrypted, nonce, key))
        except CryptoError:
            continue
    for opener in openers:
        with suppress(WrongKeyError):
            return opener.decrypt(box)
    return None


def _as_bytes(content: object) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
    elif hasattr(content, "bytes"):  # a UUID
        yield content.bytes
    elif content is not None:
        text = str(content)
        yield text.encode()
        with suppress(ValueError):
            yield bytes.fromhex(text)
