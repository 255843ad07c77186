"""Findings about the journal, and about a restoration that waits for an owner."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from campaign.database.restoration import unreviewed
from campaign.database.session import Database
from campaign.operations.doctor.finding import Finding
from campaign.operations.replay import count_missing


def findings(database: Database) -> Iterator[Finding]:
    """Yield what would bring people back, or what an owner has to look at."""
    with database.reading() as db:
        if unreviewed(db) is not None:
            yield Finding(
                "The database was restored, or is older than its journal: no name is published and no letter"
                " delivered until an owner has looked at the page Restored.",
                is_serious=True,
            )
        journal = database.journal
        others = count_missing(db, [journal]) if journal else 0
    if journal is None or not journal.path.exists():
        return
    if stat.S_IMODE(journal.path.stat().st_mode) & 0o077:
        yield Finding(
            f"{journal.path} can be read by other users of this machine: chmod 600.", is_serious=True
        )
    if others:
        yield Finding(f"A restoration needs the journals of {others} other machines too (--journal).")
    folder = Path(os.path.realpath(journal.path)).parent
    if database.is_sqlite and folder.stat().st_dev == Path(str(database.url.database)).stat().st_dev:
        yield Finding(
            f"{journal.path} is on the database's disk: link it to another one, or copy it elsewhere."
        )
