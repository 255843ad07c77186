"""The mark of a restored database: no name is published and nothing delivered until an owner has looked."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import delete, inspect, text
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.database.fact import Fact, read_fact, save_fact
from campaign.errors import SettingsError

_NAME = "restored"

UNFINISHED = "restoring"
"""An empty table that PostgreSQL's database has until its restoration is complete."""


@dataclass(frozen=True, kw_only=True)
class Restoration:
    """What a restoration replayed, and what it could not."""

    on: date
    replayed: Mapping[str, int] = field(default_factory=dict)
    """The acts of the journal that changed the restored database, with their number."""
    reported: Mapping[str, int] = field(default_factory=dict)
    """The acts that only people can repeat, with their number."""
    kept_organisers: int = 0
    """Organisers who were removed or lowered later, but without whom nobody could open the names."""
    missing_journals: int = 0
    """Journals of this database that were not there: their acts are unknown."""
    missing_lines: int = 0
    """Lines that the journals lack: their acts are unknown."""
    conflicting_lines: int = 0
    """Lines that two copies of a journal have with different acts: all were replayed."""


def unreviewed(db: Session) -> Restoration | None:
    """Return the restoration that no owner has looked at yet, or ``None``."""
    text = read_fact(db, _NAME)
    if text is None:
        return _noted(db)
    content = json.loads(text)
    return Restoration(**content | {"on": date.fromisoformat(content["on"])})


def _noted(db: Session) -> Restoration | None:
    """Return what the journal notes of a restoration whose mark was deleted from the database."""
    noted = [act for act in journal.remembered(db) if act["act"] in (journal.RESTORE, journal.REVIEW)]
    if not noted or noted[-1]["act"] == journal.REVIEW:
        return None
    return Restoration(on=journal.day(noted[-1]["on"]))


def mark(db: Session, restoration: Restoration, *, held_key: bool = False, key: UUID | None = None) -> None:
    """Stop publication and delivery until :func:`review`.

    Args:
        db: The session.
        restoration: What owners are shown.
        held_key: Whether the campaign's key has to be changed.
        key: The campaign's present one.
    """
    save_fact(db, _NAME, json.dumps(asdict(restoration), default=str))
    journal.record(db, journal.RESTORE, on=restoration.on, held_key=held_key, key=key)


def review(db: Session) -> None:
    """Record that an owner has looked."""
    db.execute(delete(Fact).where(Fact.name == _NAME))
    journal.record(db, journal.REVIEW)


def begin(db: Session) -> None:
    """Let no site start on this database until :func:`finish`."""
    db.execute(text(f"CREATE TABLE {UNFINISHED} (id INTEGER)"))


def check_finished(db: Session) -> None:
    """Raise if a restoration was interrupted.

    Raises:
        SettingsError: It was.
    """
    if inspect(db.connection()).has_table(UNFINISHED):
        raise SettingsError(
            "CAMPAIGN_DATABASE_URL: a restoration was interrupted: run `campaign restore` again"
        )


def finish(db: Session) -> None:
    """Let the site start, in the transaction that marks the database."""
    db.execute(text(f"DROP TABLE IF EXISTS {UNFINISHED}"))
