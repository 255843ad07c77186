"""PgBouncer in transaction mode in front of a PostgreSQL server, as hosted databases often have it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.faults.cluster import Cluster
from tests.support.program import PGBOUNCER
from tests.support.relay import free_port
from tests.support.worker import eventually

SERVER_CONNECTIONS = 12
"""Fewer than the site's own connections, so that each transaction may get another server connection."""


@contextmanager
def pooler(cluster: Cluster, folder: Path) -> Iterator[str]:
    """Run PgBouncer in front of *cluster* while the block lasts; yield SQLAlchemy's URL through it."""
    [host] = parse_qs(urlsplit(cluster.server.get_uri()).query)["host"]
    port = free_port()
    users, configuration = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text('"postgres" ""\n')
    configuration.write_text(
        f"""[databases]
postgres = host={host} dbname=postgres user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {SERVER_CONNECTIONS}
"""
    )
    # The server's socket belongs to the user who runs it; PgBouncer refuses to run as root.
    arguments = ["-u", Path(host).owner()] if os.geteuid() == 0 else []
    for path in (folder, users, configuration):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([PGBOUNCER, "-q", *arguments, configuration], stdout=log, stderr=log)
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        assert eventually(lambda: _answers(url)), (folder / "pgbouncer.log").read_text()
        yield url.replace("postgresql:", "postgresql+psycopg:")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
