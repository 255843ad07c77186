"""MACs of private links: a token that somebody inserted or re-pointed in the database opens nothing."""

import hmac
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from campaign.sealing import row_mac


def token_mac(key: bytes, hash_: bytes, state_code: str, signature_id: UUID) -> bytes:
    """Return the MAC under *key*, the server's for rows, of a token that opens a signature."""
    content = b"token\0%b%b%b" % (hash_, signature_id.bytes, state_code.encode())
    return hmac.digest(key, content, "sha256")


def token_row(db: Session, hash_: bytes, state_code: str, signature_id: UUID) -> dict[str, Any]:
    """Return a token that opens a signature, as a row to insert."""
    mac = token_mac(db.info[row_mac.KEY], hash_, state_code, signature_id)
    return {"hash": hash_, "state_code": state_code, "signature_id": signature_id, "mac": mac}


def is_genuine_token(db: Session, mac: bytes, hash_: bytes, state_code: str, signature_id: UUID) -> bool:
    """Whether the site made the token of this *hash_* for this signature."""
    return hmac.compare_digest(mac, token_mac(db.info[row_mac.KEY], hash_, state_code, signature_id))
