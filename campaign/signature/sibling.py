"""Siblings: the other submissions for one letter from the same mailbox."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, literal, select, true
from sqlalchemy.orm import Session

from campaign.database.table import upsert
from campaign.signature.model import Signature, SignatureToken


def delete_siblings(db: Session, state_code: str, siblings: Sequence[UUID], *, counting: UUID) -> None:
    """Delete pending siblings of the signature that is *counting*, to which their links now lead."""
    if siblings:
        lead_to(db, state_code, siblings, counting=counting)
        db.execute(delete(Signature).where(Signature.state_code == state_code, Signature.id.in_(siblings)))


def lead_to(db: Session, state_code: str, siblings: Sequence[UUID], *, counting: UUID) -> None:
    """Let the links of *siblings* also open the signature that is *counting*, as a substitute."""
    table = SignatureToken.__table__
    links = (
        select(table.c.hash, table.c.state_code, literal(counting, table.c.signature_id.type), true())
        .where(table.c.state_code == state_code, table.c.signature_id.in_(siblings))
        .distinct()
    )
    columns = ["hash", "state_code", "signature_id", "is_substitute"]
    # A link may open it already: the one in the last mail of a day opens several submissions.
    db.execute(upsert(db, table).from_select(columns, links).on_conflict_do_nothing())
