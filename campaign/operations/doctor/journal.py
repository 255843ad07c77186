"""Findings about the journal, and about a restoration that waits for an owner."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.orm import Session

from campaign.database.journal_file import Journal
from campaign.database.journal_line import Line
from campaign.database.restoration import unreviewed
from campaign.database.session import Database
from campaign.errors import JournalError
from campaign.operations.catch_up import lost_parts
from campaign.operations.doctor.finding import Finding
from campaign.operations.put_back import put_back
from campaign.operations.unreplayed import unreplayed


def findings(database: Database) -> Iterator[Finding]:
    """Yield what would bring people back, or what an owner has to look at."""
    with database.reading() as db:
        if unreviewed(db) is not None:
            yield Finding(
                "The database was restored, or does not fit its journal: no name is published and no letter"
                " delivered until an owner has looked at the page Restored.",
                is_serious=True,
            )
        if database.journal is not None:
            try:
                yield from _content_findings(db, database.journal)
            except JournalError as error:
                yield Finding(f"{error}.", is_serious=True)
    if database.journal is not None and database.journal.path.exists():
        yield from _file_findings(database, database.journal.path)


def _content_findings(db: Session, journal: Journal) -> Iterator[Finding]:
    found = unreplayed(db, [journal])
    if number := sum(put_back(db, found)):
        yield Finding(
            f"{number} signatures that were withdrawn are back in the database: somebody put them there."
            " Restart the site, which withdraws them again, and find out who can write to the database.",
            is_serious=True,
        )
    lost = lost_parts(db, journal, found)
    if lost:
        yield Finding(
            f"{journal.path} ends before the database: lines are lost, or are in another copy of the file."
            " Stop the site and put the newest copy back; a second machine needs a file of its own.",
            is_serious=True,
        )
    elif gaps := sum(map(_gaps, found.parts.values())):
        yield Finding(
            f"{journal.path} lacks {gaps} lines: a restoration needs a whole copy of it (--journal)."
        )
    others = {part.id for part, number in found.known.items() if number} - journal.ids()
    if others and db.get_bind().dialect.name != "sqlite":
        yield Finding(f"A restoration needs the journals of {len(others)} other machines too (--journal).")
    for location, number in found.foreign.items():
        yield Finding(
            f"{journal.path} has {number} acts of the database {location}, perhaps a rehearsal's: they are"
            " not replayed here. Give a copy of the site a journal of its own, and the site never this name."
        )


def _gaps(lines: list[Line]) -> int:
    return lines[-1].number - len({each.number for each in lines})


def _file_findings(database: Database, path: Path) -> Iterator[Finding]:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding(f"{path} can be read by other users of this machine: chmod 600.", is_serious=True)
    folder = Path(os.path.realpath(path)).parent
    if database.is_sqlite and folder.stat().st_dev == Path(str(database.url.database)).stat().st_dev:
        yield Finding(f"{path} is on the database's disk: link it to another one, or copy it elsewhere.")
