"""Start the tool in processes that are forked from one that has imported it: an import takes half a second.

``start`` and ``run`` are like ``subprocess.Popen`` and ``subprocess.run`` of ``python -m MODULE ARGUMENTS``:
they give a process its own environment, folder, files and command line, and tests can kill it. Some tests in
``tests/cli`` and ``tests/faults/test_processes.py`` start the real command.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any

from tests.support.driver import ROOT
from tests.support.run_folder import locked, run_folder

ROOM = "-" * 1_000
"""An argument of the server, in whose memory a forked process writes its own command line."""


class Process:
    """A forked process; only what tests use of ``subprocess.Popen``."""

    def __init__(self, report: IO[bytes]) -> None:
        self._report = report
        self.pid = int(report.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, or None while the process runs."""
        return self.returncode if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit status."""
        if not self._has_ended(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _has_ended(self, seconds: float | None) -> bool:
        if self.returncode is None and select.select([self._report], [], [], seconds)[0]:
            self.returncode = int(self._report.readline())
            self._report.close()
        return self.returncode is not None


def start(
    module: str,
    *arguments: str,
    env: Mapping[str, str],
    cwd: Path = ROOT,
    stdout: IO[Any],
    stderr: IO[Any],
    start_new_session: bool = False,
) -> Process:
    """Start ``python -m MODULE ARGUMENTS``."""
    how = [module, arguments, dict(env), str(cwd), start_new_session]
    report, end = os.pipe()
    with Path(os.devnull).open("rb") as stdin:
        files = [stdin.fileno(), stdout.fileno(), stderr.fileno(), end]
        socket.send_fds(_server(env["PYTHONPATH"]), [json.dumps(how).encode()], files)
    os.close(end)
    return Process(os.fdopen(report, "rb", buffering=0))


def run(
    module: str, *arguments: str, env: Mapping[str, str], cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m MODULE ARGUMENTS`` and capture its output."""
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        process = start(module, *arguments, env=env, cwd=cwd, stdout=stdout, stderr=stderr)
        try:
            status = process.wait(300)
        finally:
            process.kill()
        for each in (stdout, stderr):
            each.seek(0)
        return subprocess.CompletedProcess([module, *arguments], status, stdout.read(), stderr.read())


@cache
def _server(path: str) -> socket.socket:
    """Return a connection to the run's server with this Python path; it ends when all have closed theirs."""
    address = run_folder() / f"forks-{zlib.crc32(path.encode())}"
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with locked(address):
        try:
            connection.connect(str(address))
        except (FileNotFoundError, ConnectionRefusedError):
            address.unlink(missing_ok=True)
            _begin(address, path)
            connection.connect(str(address))
    atexit.register(connection.close)
    return connection


def _begin(address: Path, path: str) -> None:
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener,
        Path(os.devnull).open("rb+") as none,
    ):
        listener.bind(str(address))
        listener.listen()
        number = listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forking", str(number), str(address), ROOM],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": path},
            pass_fds=[number],
            stdin=none,
            stdout=none,
        )
    atexit.register(process.wait)
