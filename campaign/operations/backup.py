"""Back up the database while the site runs."""

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from sqlalchemy import URL

from campaign.errors import CampaignError


def back_up(url: URL, file: Path) -> None:
    """Write the database at *url* to the new *file*.

    Raises:
        CampaignError: *file* exists, or PostgreSQL's ``pg_dump`` is missing or fails.
    """
    if file.exists():
        raise CampaignError(f"{file} exists already")
    if url.get_backend_name() == "sqlite":
        _copy_sqlite(str(url.database), file)
    else:
        _dump_postgresql(url.set(drivername="postgresql").render_as_string(hide_password=False), file)


def _copy_sqlite(path: str, file: Path) -> None:
    unfinished = file.with_name(file.name + ".part")
    unfinished.touch(mode=0o600, exist_ok=False)
    source, target = sqlite3.connect(path), sqlite3.connect(unfinished)
    try:
        # In one step, which blocks no writer: a copy in steps starts again after each write of the site.
        source.backup(target)
    finally:
        source.close()
        target.close()
    with unfinished.open("rb") as written:
        os.fsync(written.fileno())
    unfinished.replace(file)


def _dump_postgresql(url: str, file: Path) -> None:
    command = shutil.which("pg_dump")
    if command is None:
        raise CampaignError(
            "pg_dump is not installed on this machine; PostgreSQL's client package contains it"
        )
    unfinished = file.with_name(file.name + ".part")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        # The URL goes into the environment: every user of the machine can read arguments.
        done = subprocess.run(  # noqa: S603 -- constant arguments
            [command, "--format=custom", "--no-owner"],
            stdout=output,
            env=os.environ | _libpq(url),
            check=False,
        )
        os.fsync(output.fileno())
    if done.returncode:
        unfinished.unlink()
        raise CampaignError("pg_dump failed")
    unfinished.replace(file)


def _libpq(url: str) -> dict[str, str]:
    from psycopg.conninfo import conninfo_to_dict

    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
    }
    given = conninfo_to_dict(url)
    return {names[key]: str(value) for key, value in given.items() if key in names and value is not None}
