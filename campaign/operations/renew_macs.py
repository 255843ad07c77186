"""Give every row's MAC, and the audit log's chain, the keys of another ``SECRET_KEY``."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select, tuple_, update
from sqlalchemy.orm import Session

from campaign.delivery.delegation import Delegation
from campaign.letter.edition import LetterEdition
from campaign.organiser.account import Organiser
from campaign.sealing import row_mac
from campaign.sealing.campaign_key import CampaignKey, KeyWrapping
from campaign.sealing.row_mac import Authentic
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.signature_mac import (
    DECISIONS,
    decided_mac,
    digest_mac,
    has_own_digest,
    is_as_decided,
)
from campaign.signature.token_mac import token_mac

TABLES: tuple[type[Authentic], ...] = (CampaignKey, KeyWrapping, Organiser, Delegation, LetterEdition)

FACTS = ("safety", "organisation", "base_url")

BATCH = 1000

_AGAIN = {"populate_existing": True}


def renew_macs(db: Session, old: bytes, new: bytes) -> None:
    """Replace the MACs under *old* by MACs under *new*; what was altered stays altered.

    Args:
        db: A session that may write; all rows are renewed in its transaction.
        old: :attr:`campaign.sealing.server_key.ServerKeys.row` of the present secret key.
        new: The same of the next one.
    """
    for table in TABLES:
        for row in db.scalars(select(table).with_for_update(), execution_options=_AGAIN):
            is_good = row.mac == row_mac.row_mac(old, row)
            row.mac = row_mac.row_mac(new, row) if is_good else b"altered"
    for fact in FACTS:
        row_mac.renew_fact(db, fact, old, new)
    _renew_tokens(db, old, new)
    _renew_signatures(db, old, new)
    db.flush()


def _renew_tokens(db: Session, old: bytes, new: bytes) -> None:
    """Renew the tokens' MACs, in batches: there are as many as signatures."""
    table = SignatureToken.__table__
    renew = (
        update(table)  # type: ignore[arg-type]
        .where(table.c.hash == bindparam("of"), table.c.signature_id == bindparam("opens"))
        .values(mac=bindparam("renewed"))
    )
    columns = table.c.hash, table.c.state_code, table.c.signature_id
    last = b""
    while hashes := _next_hashes(db, last):
        last = hashes[-1]
        renewed = [
            {
                "of": hash_,
                "opens": signature_id,
                "renewed": token_mac(new, hash_, state_code, signature_id) if is_good else b"altered",
            }
            for hash_, state_code, signature_id, mac in db.execute(
                select(*columns, table.c.mac).where(table.c.hash.in_(hashes))
            )
            for is_good in [mac == token_mac(old, hash_, state_code, signature_id)]
        ]
        db.connection().execute(renew, renewed)


def _next_hashes(db: Session, last: bytes) -> Sequence[bytes]:
    hashes = select(SignatureToken.hash).where(SignatureToken.hash > last).distinct()
    return db.scalars(hashes.order_by(SignatureToken.hash).limit(BATCH)).all()


def _renew_signatures(db: Session, old: bytes, new: bytes) -> None:
    """Renew the signatures' MACs, in batches."""
    table = Signature.__table__.c
    renew = (
        update(Signature.__table__)  # type: ignore[arg-type]
        .where(table.state_code == bindparam("of_state"), table.id == bindparam("of_id"))
        .values(digest_mac=bindparam("of_digest"), decision_mac=bindparam("of_decisions"))
    )
    columns = table.state_code, table.id, table.digest, table.digest_mac, table.decision_mac
    decisions = (table[name] for name in DECISIONS)
    in_order = select(*columns, *decisions).order_by(*_KEY).limit(BATCH)
    rows = db.execute(in_order).all()
    while rows:
        db.connection().execute(renew, [_renewed(row, old, new) for row in rows])
        rows = db.execute(in_order.where(tuple_(*_KEY) > (rows[-1].state_code, rows[-1].id))).all()


def _renewed(row: Any, old: bytes, new: bytes) -> dict[str, Any]:
    is_own = has_own_digest(old, row)
    return {
        "of_state": row.state_code,
        "of_id": row.id,
        "of_digest": digest_mac(new, row.state_code, row.id, row.digest) if is_own else None,
        "of_decisions": decided_mac(new, row) if is_as_decided(old, row) else None,
    }


_KEY = Signature.state_code, Signature.id
