"""SQLite's file: created whole, checked before it is opened, and moved as one file."""

import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from campaign.database.journal_file import Journal, sync_folder
from campaign.errors import CampaignError, SettingsError

MAGIC = b"SQLite format 3\x00"
SIDES = ("-wal", "-shm", "-journal")


def open_or_create(path: Path, journal: Journal | None) -> None:
    """Create the file at *path*, or check the one that is there.

    Raises:
        SettingsError: The file is empty, cut short or no database; or it is gone, as the journal shows.
    """
    if path.exists():
        damage = damage_of(path)
        if damage:
            raise SettingsError(
                f"CAMPAIGN_DATABASE_URL: {path} {damage}; restore a backup with `campaign restore`"
            )
    elif journal is not None and any(journal.ends().values()):
        raise SettingsError(
            f"CAMPAIGN_DATABASE_URL: {path} is gone, but {journal.path} shows that it held a campaign:"
            " restore a backup with `campaign restore`, or begin with another instance folder"
        )
    elif path.parent.is_dir():  # otherwise SQLite says so
        _create(path)


def damage_of(path: Path) -> str:
    """Return what shows at a glance that *path* is no whole database, or nothing."""
    with path.open("rb") as file:
        header = file.read(100)
        size = file.seek(0, os.SEEK_END)
    if not size:
        return "is empty"
    if len(header) < 100 or not header.startswith(MAGIC):
        return "is no SQLite database"
    page_bytes = int.from_bytes(header[16:18]) or 1
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    log = path.with_name(path.name + "-wal")
    is_whole = size >= page_bytes * int.from_bytes(header[28:32])
    # After a crash the log may hold pages that the file lacks.
    return "" if is_whole or (log.exists() and log.stat().st_size) else "is cut short"


def is_sqlite(path: Path) -> bool:
    """Whether the file at *path* begins as a database of SQLite does."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC
    return False


def is_complete(path: Path, *, quickly: bool = False) -> bool:
    """Whether SQLite finds no damage in the file at *path*; *quickly*: without its indexes."""
    check = "quick_check" if quickly else "integrity_check"
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute(f"PRAGMA {check}(1)").fetchone() == ("ok",))
    return False


def check_log(path: Path) -> None:
    """Check all of the file at *path* if a log lies beside it, which may belong to another file.

    Raises:
        SettingsError: SQLite finds damage.
    """
    log = path.with_name(path.name + "-wal")
    if path.exists() and log.exists() and log.stat().st_size and not is_complete(path, quickly=True):
        raise SettingsError(
            f"CAMPAIGN_DATABASE_URL: {path} and its log do not belong together;"
            " restore a backup with `campaign restore --replace`"
        )


def make_single(path: Path) -> None:
    """Move what the write-ahead log holds into the file at *path*, so that it can be moved or replaced.

    Raises:
        CampaignError: Another process uses it.
    """
    try:
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return
        mode = "wal"
    except sqlite3.DatabaseError:
        return  # damaged
    if mode != "delete":
        raise CampaignError(f"another process uses {path}: stop the site first")


def put_in_place(new: Path, path: Path, aside: Path | None) -> None:
    """Replace *path* by *new* in one step; what was there becomes *aside*."""
    if aside is not None:
        os.link(path, aside)
        for side in SIDES:
            with suppress(FileNotFoundError):
                path.with_name(path.name + side).rename(aside.with_name(aside.name + side))
    new.replace(path)
    sync_folder(path.parent)


def unlink_aside(path: Path) -> None:
    """Remove the second name of the file at *path* that an interrupted :func:`put_in_place` left."""
    for aside in path.parent.glob(f"{path.name}.replaced-*"):
        if aside.samefile(path):
            aside.unlink()


def remove(path: Path) -> None:
    """Remove a database's file and what SQLite keeps beside it."""
    for side in ("", *SIDES):
        path.with_name(path.name + side).unlink(missing_ok=True)


def _create(path: Path) -> None:
    """Create the file with its header, so that no interrupted start leaves an empty one."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
        new = Path(folder) / path.name
        with closing(sqlite3.connect(new)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        new.chmod(0o600)
        with suppress(FileExistsError):  # another process created it
            os.link(new, path)
    sync_folder(path.parent)
