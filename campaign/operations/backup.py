"""Back up the database while the site runs."""

import fcntl
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL

from campaign.database.journal_file import sync_folder
from campaign.errors import CampaignError


def back_up(url: URL, file: Path) -> None:
    """Write the database at *url* to the new *file*.

    Raises:
        CampaignError: *file* exists or cannot be written, or PostgreSQL's ``pg_dump`` is missing or fails.
    """
    if file.exists():
        raise CampaignError(f"{file} exists already")
    with _unfinished(file) as part:
        if url.get_backend_name() == "sqlite":
            _copy_sqlite(str(url.database), part)
        else:
            _dump_postgresql(url, part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(file)
    sync_folder(file.absolute().parent)


@contextmanager
def _unfinished(file: Path) -> Iterator[Path]:
    """Yield the path of an empty file beside *file*; what a killed backup left there is overwritten."""
    part = file.with_name(file.name + ".part")
    journal = file.with_name(file.name + ".part-journal")  # SQLite's, which it leaves where the disk is full
    number = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(number, 0)
        journal.unlink(missing_ok=True)
        yield part
    except BlockingIOError:
        raise CampaignError(f"another backup writes {file} at this moment") from None
    except (OSError, sqlite3.Error, CampaignError) as error:
        part.unlink(missing_ok=True)
        journal.unlink(missing_ok=True)
        if isinstance(error, CampaignError):
            raise
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise CampaignError(f"{file} could not be written: {reason}") from error
    finally:
        os.close(number)


def _copy_sqlite(path: str, file: Path) -> None:
    with closing(sqlite3.connect(path)) as source:
        # Blocks no writer, and writes rows in the order of their keys: pages keep that of confirming (P10).
        source.execute("VACUUM INTO ?", (str(file),))


def _dump_postgresql(url: URL, file: Path) -> None:
    with file.open("wb") as output:
        done = subprocess.run(  # noqa: S603 -- constant arguments
            [tool("pg_dump"), "--format=custom", "--no-owner"],
            stdout=output,
            env=environment(url),
            check=False,
        )
    if done.returncode:
        raise CampaignError("pg_dump failed")


def tool(name: str) -> str:
    """Return the path of one of PostgreSQL's commands.

    Raises:
        CampaignError: It is not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise CampaignError(
            f"{name} is not installed on this machine; PostgreSQL's client package contains it"
        )
    return found


def environment(url: URL) -> Mapping[str, str]:
    """Return the environment that leads PostgreSQL's commands to *url*: all users can read arguments."""
    from psycopg.conninfo import conninfo_to_dict

    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
    }
    given = conninfo_to_dict(url.set(drivername="postgresql").render_as_string(hide_password=False))
    return os.environ | {names[key]: str(value) for key, value in given.items() if key in names and value}
