"""Siblings: the other submissions for one letter from the same mailbox."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from campaign.database.table import upsert
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.token_mac import is_genuine_token, token_row


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
