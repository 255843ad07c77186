"""Room on the disk of SQLite's database for an emergency: who fills the disk must not prevent the erasure."""

import logging
import os
from contextlib import suppress
from pathlib import Path

from campaign.database.session import Database

BYTES = 2 * 2**20
"""More than the transaction that destroys the keys writes to SQLite's log."""

logger = logging.getLogger(__name__)


def make_reserve(database: Database) -> None:
    """Create the file that takes up the room; without room the site starts all the same."""
    if not database.is_sqlite:
        return
    file = _path(database)
    if file.exists() and file.stat().st_size == BYTES:
        return
    try:
        # Random, since some file systems compress.
        file.write_bytes(os.urandom(BYTES))
    except OSError:
        file.unlink(missing_ok=True)
        logger.warning("the disk has no room for %s, which an emergency erasure may need", file)


def release_reserve(database: Database) -> None:
    """Delete the file; the next start creates it again."""
    if database.is_sqlite:
        with suppress(OSError):
            _path(database).unlink()


def _path(database: Database) -> Path:
    return Path(f"{database.url.database}.reserve")
