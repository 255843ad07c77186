"""A rush: signatures come so fast that everybody is asked for a proof, in every process of the site."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from campaign.database import Site, recall, upsert

NAME = "guarded_until"


def guard_until(db: Session, until: datetime) -> None:
    """Have every process ask for proofs until then."""
    content = until.astimezone(UTC).isoformat(timespec="seconds")
    db.execute(
        upsert(db, Site)
        .values(name=NAME, content=content)
        # Two processes may see the same rush; which of them is a second later does not matter.
        .on_conflict_do_update(index_elements=["name"], set_={"content": content})
    )


def guarded_until(db: Session) -> datetime | None:
    """Return until when everybody is asked for a proof, if ever."""
    content = recall(db, NAME)
    return datetime.fromisoformat(content) if content else None
