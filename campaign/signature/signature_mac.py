"""MACs of signatures: what somebody writes into a row without the server's key leads to nothing.

``digest_mac`` binds the mailbox's digest to the row, and ``decision_mac`` the decisions by which a name or
words leave the site. Each act that changes one of them checks the MAC under the row's lock, and renews it
in the same transaction; an altered row stays altered, is on no list and no page of names, and is counted
each night.
"""

import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from campaign.sealing import row_mac
from campaign.signature.model import Signature

SignatureRow = Any
"""A signature as an object or a row, with the columns that a function reads."""

DECISIONS = (
    "confirmed_on",
    "invalidation_id",
    "disclosure",
    "held_for",
    "public_name",
    "name_review",
    "words_review",
)
"""The columns under ``decision_mac``, besides the key."""

_decisions = attrgetter(*DECISIONS)


def digest_mac(key: bytes, state_code: str, id_: UUID, digest: bytes) -> bytes:
    """Return the MAC under *key*, the server's for rows, of the digest of a signature."""
    content = b"digest\0%b%b%b" % (digest, id_.bytes, state_code.encode())
    return hmac.digest(key, content, "sha256")


def has_own_digest(key: bytes, row: SignatureRow) -> bool:
    """Whether the site itself gave the signature its digest."""
    if row.digest is None or row.digest_mac is None:
        return False
    return hmac.compare_digest(row.digest_mac, digest_mac(key, row.state_code, row.id, row.digest))


def decision_mac(key: bytes, columns: Mapping[str, Any]) -> bytes:
    """Return the MAC under *key* of the decisions about a signature; an absent column is empty."""
    return _decision_mac(key, columns["state_code"], columns["id"], *map(columns.get, DECISIONS))


def decided_mac(key: bytes, row: SignatureRow) -> bytes:
    """Return the MAC under *key* of the decisions in *row*."""
    return _decision_mac(key, row.state_code, row.id, *_decisions(row))


def _decision_mac(
    key: bytes, state_code: str, id_: UUID, on: date | None, decision_id: UUID | None, *verdicts: str | None
) -> bytes:
    # Lists and confirmations make many, and row_mac.mac() would take half as long again.
    plain = state_code, id_.hex, on and on.isoformat(), decision_id and decision_id.hex, *verdicts
    return hmac.digest(key, b"decision" + json.dumps(plain).encode(), "sha256")


def is_as_decided(key: bytes, row: SignatureRow) -> bool:
    """Whether every decision in *row* was made by the site: nobody wrote it into the database."""
    return row.decision_mac is not None and hmac.compare_digest(row.decision_mac, decided_mac(key, row))


def is_altered(key: bytes, row: SignatureRow) -> bool:
    """Whether somebody gave the signature another digest or decision in the database."""
    is_moved = row.digest is not None and not has_own_digest(key, row)
    return is_moved or not is_as_decided(key, row)


@contextmanager
def deciding(db: Session, signature: Signature) -> Iterator[None]:
    """Change decisions about a locked signature; its MAC is renewed unless it was altered before."""
    key = db.info[row_mac.KEY]
    was_as_decided = is_as_decided(key, signature)
    yield
    signature.decision_mac = decided_mac(key, signature) if was_as_decided else None


def new_macs(key: bytes, columns: Mapping[str, Any]) -> dict[str, bytes | None]:
    """Return both MACs of a row that is inserted."""
    digest = columns.get("digest")
    own = None if digest is None else digest_mac(key, columns["state_code"], columns["id"], digest)
    return {"digest_mac": own, "decision_mac": decision_mac(key, columns)}
