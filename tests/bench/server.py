"""A web server as ``campaign serve`` runs it, with one process and no mail worker, on a core of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from campaign.cli.serve import THREADS
from tests.bench import load
from tests.bench.load import Answered

FLOOR_THREADS = 4
"""A bare insert is fastest with few, which then seldom wait for each other."""

SERVER_CORES, CLIENT_CORES = {0}, {1}

IS_PINNED = os.sched_getaffinity(0) >= SERVER_CORES | CLIENT_CORES
"""With one core nothing can be kept apart, and the figures say little."""

STARTING_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]

    def answer(self, requests: Iterable[bytes], *, status: int) -> Answered:
        """Send it all *requests*; see :func:`tests.bench.load.drive`."""
        before = self._busy_seconds()
        answered = load.drive(self.port, requests, status=status)
        return replace(answered, busy_seconds=self._busy_seconds() - before)

    def peak_bytes(self) -> int:
        """Return the most memory that the largest of its processes has held."""
        return max(peak_bytes(number) for number in family(self.process.pid))

    def _busy_seconds(self) -> float:
        return sum(busy_seconds(number) for number in family(self.process.pid))


@contextmanager
def serving(
    application: str,
    environment: Mapping[str, str],
    log: Path,
    *,
    threads: int = THREADS,
    processes: int = 1,
    is_pinned: bool = True,
) -> Iterator[Server]:
    """Run *application*, ``module:factory``, while the block lasts."""
    port = free_port()
    command = [sys.executable, "-m", "granian", application, "--factory", "--interface", "wsgi"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", str(processes), "--no-ws"]
    command += ["--blocking-threads", str(threads), "--backlog", "2048", "--log-level", "warning"]
    cores = os.sched_getaffinity(0)
    if is_pinned:
        pin(SERVER_CORES)
    with log.open("ab") as file:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=file, stderr=file)
    os.sched_setaffinity(0, cores)
    try:
        _wait_for(port, process, log)
        yield Server(port, process)
    finally:
        process.terminate()
        process.wait()


def pin(cores: set[int]) -> None:
    """Keep this process, and those it starts from now on, to *cores*."""
    if IS_PINNED:
        os.sched_setaffinity(0, cores)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"the server did not start:\n{log.read_text()}")


def family(number: int) -> list[int]:
    """Return the process *number* and all that came from it."""
    children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    return [number, *(each for child in children for each in family(int(child)))]


def busy_seconds(number: int) -> float:
    # The name in brackets may hold spaces; user and system time are the 12th and 13th word after it.
    words = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(number: int) -> int:
    """Return the most memory that the process *number* has held."""
    for line in Path(f"/proc/{number}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
