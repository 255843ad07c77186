"""Siblings: the other submissions for one letter from the same mailbox."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from campaign.database.table import upsert
from campaign.sealing.server_key import ServerKeys
from campaign.signature import submission
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.token_mac import is_genuine_token, token_row


def superseded(rows: Iterable[Any], counting: Any, keys: ServerKeys) -> list[UUID]:
    """Return the ids of the pending *rows* that were submitted before *counting*, the one that will count.

    A later one stays: its owner may have corrected something, and is asked which of the two counts. Two of
    the same second come from a double click.
    """
    others = [row for row in rows if row.id != counting.id and row.confirmed_on is None]
    moment = submission.unwrap_time(counting, keys) if others else None
    times = ((row.id, submission.unwrap_time(row, keys)) for row in others)
    return [id_ for id_, at in times if moment is not None and at is not None and at <= moment]


def delete_siblings(db: Session, state_code: str, siblings: Sequence[UUID], *, counting: UUID) -> None:
    """Delete pending siblings of the signature that is *counting*, to which their links now lead."""
    if siblings:
        lead_to(db, state_code, siblings, counting=counting)
        db.execute(delete(Signature).where(Signature.state_code == state_code, Signature.id.in_(siblings)))


def lead_to(db: Session, state_code: str, siblings: Sequence[UUID], *, counting: UUID) -> None:
    """Let the links of *siblings* also open the signature that is *counting*, as a substitute."""
    links = select(SignatureToken.hash, SignatureToken.signature_id, SignatureToken.mac).where(
        SignatureToken.state_code == state_code, SignatureToken.signature_id.in_(siblings)
    )
    hashes = {
        hash_
        for hash_, signature_id, mac in db.execute(links)
        if is_genuine_token(db, mac, hash_, state_code, signature_id)
    }
    rows = [token_row(db, each, state_code, counting) | {"is_substitute": True} for each in sorted(hashes)]
    if rows:
        # A link may open it already: the one in the last mail of a day opens several submissions.
        db.execute(upsert(db, SignatureToken).values(rows).on_conflict_do_nothing())
