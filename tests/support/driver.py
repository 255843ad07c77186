"""The Python path of the processes that tests start."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]


def python_path(database_url: str = "") -> str:
    """Return the path for a site on this database; one on SQLite gets no driver for PostgreSQL.

    The driver is an extra, so a site must run without it. It also takes a fifth of a process's start.
    """
    is_postgresql = database_url.startswith("postgresql")
    folders = [ROOT] if is_postgresql else [ROOT, Path(__file__).with_name("without_driver")]
    return os.pathsep.join(map(str, folders))
