"""Count the signatures that were edited in the database: each night, since that reads every row."""

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaign.database.fact import read_fact, save_fact
from campaign.sealing import row_mac
from campaign.signature.model import COUNTED, Signature
from campaign.signature.signature_mac import DECISIONS, has_own_digest, is_as_decided

logger = logging.getLogger(__name__)

_NAME = "altered_signatures"

_COLUMNS = ("state_code", "id", "digest", "digest_mac", "decision_mac", *DECISIONS)


def count_altered(db: Session) -> int:
    """Return how many signatures have a digest, or a decision about a name, that the site did not make.

    Those without a name are left out: nothing of them can leave the site.
    """
    key, columns = db.info[row_mac.KEY], [getattr(Signature, name) for name in _COLUMNS]
    named = Signature.disclosure != COUNTED, Signature.withdrawn_on.is_(None)
    in_batches = {"yield_per": 1000}
    decided = db.connection().execute(select(*columns).where(*named), execution_options=in_batches)
    altered = {(row.state_code, row.id) for row in decided if not is_as_decided(key, row)}
    recognised = select(*columns).where(Signature.digest.is_not(None))
    rows = db.connection().execute(recognised, execution_options=in_batches)
    return len(altered | {(row.state_code, row.id) for row in rows if not has_own_digest(key, row)})


def note(db: Session, number: int) -> None:
    """Log and store how many were found."""
    if number:
        logger.error("%d signatures were changed in the database: they are on no list", number)
    save_fact(db, _NAME, str(number))


def last_count(db: Session) -> int:
    """Return how many the last count found."""
    return int(read_fact(db, _NAME) or 0)
