"""Start the tool in processes that are forked from one that has imported it: an import takes half a second.

``start`` and ``run`` are like ``subprocess.Popen`` and ``subprocess.run`` of ``python -m MODULE ARGUMENTS``:
they give a process its own environment, folder, files and command line, and tests can kill it. Some tests in
``tests/cli`` and ``tests/faults/test_processes.py`` start the real command.
"""

import atexit
import ctypes
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

from campaign.sealing import passphrase_key
from campaign.sealing.passphrase_key import Cost
from tests.support import mail_worker_start
from tests.support.driver import ROOT

LARGEST_REQUEST = 100_000

ROOM = "-" * 1_000
"""An argument of the server, in whose memory a forked process writes its own command line."""

START, END = 47, 48
"""Positions of the command line's first and last address in ``/proc/PID/stat``, from 0."""


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
    """Return the connection to the server with this Python path; it ends when the tests do."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.support.fork_server", str(its.fileno()), ROOM]
    environment = os.environ | {"PYTHONPATH": path}
    with Path(os.devnull).open("rb+") as none:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, pass_fds=[its.fileno()], stdin=none, stdout=none
        )
    its.close()

    @atexit.register
    def end() -> None:
        ours.close()
        process.wait()

    return ours


def serve(requests: socket.socket) -> list[Any]:
    """Fork for each request, and report process id and exit status; only a forked process returns."""
    reports: dict[int, tuple[int, int]] = {}
    while True:
        for ready in select.select([requests, *reports], [], [])[0]:
            if ready is not requests:
                pid, report = reports.pop(ready)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                _tell(report, status)
                os.close(report)
                os.close(ready)
                continue
            request, files, _, _ = socket.recv_fds(requests, LARGEST_REQUEST, 4)
            if not request:
                os._exit(0)  # the tests have ended
            pid = os.fork()
            if pid == 0:
                _take(files, [requests.detach(), *reports, *(report for _, report in reports.values())])
                return json.loads(request)
            for number in files[:3]:
                os.close(number)
            _tell(files[3], pid)
            reports[os.pidfd_open(pid)] = pid, files[3]


def _tell(report: int, number: int) -> None:
    try:
        os.write(report, b"%d\n" % number)
    except BrokenPipeError:  # nobody waits for it
        return


def _take(files: list[int], inherited: list[int]) -> None:
    """Use *files* as input, output and errors, and close what belongs to the server."""
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    for file in (*files, *inherited):
        os.close(file)


def _become(module: str, arguments: list[str], env: dict[str, str]) -> None:
    """Give this process the environment and the command line of one that was started for itself."""
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None
    time.tzset()
    sys.argv = [module, *arguments]
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    first, last = (int(stat[at - 2]) for at in (START, END))
    line = "\0".join([sys.executable, "-m", module, *arguments, ""]).encode()
    ctypes.memmove(first, line.ljust(last - first, b"\0")[: last - first], last - first)


def _run(module: str, arguments: list[str], env: dict[str, str], cwd: str, is_leader: bool) -> None:
    if is_leader:
        os.setsid()
    os.chdir(cwd)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if arguments[:1] == ["serve"] and (wait := mail_worker_start.fork_ahead()):
        _become(module, ["work"], env)
        arguments, env = wait()
    _become(module, arguments, env)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        _end(end.code or 0)
    _end(0)


def _end(status: int) -> NoReturn:
    """End as Python does, but without freeing all modules, which takes longer than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def main() -> None:
    gc.disable()  # as the product does for its imports
    # What these import is all that the commands, the web processes and the worker need.
    import alembic.command
    import alembic.config  # noqa: F401
    from sqlalchemy.orm import configure_mappers

    from campaign.appeal.reading import load
    from campaign.cli import main as commands
    from campaign.letter import edition
    from campaign.web import application  # noqa: F401
    from tests.support import compile_cache

    for name in commands.COMMANDS:
        commands.campaign.get_command(None, name)  # type: ignore[arg-type]
    if compile_cache.FOLDER in os.environ:
        compile_cache.share_templates()
    configure_mappers()
    # The product's cache by appeal: without it each start would compose the same 456 letters.
    edition._content_hash(load())
    gc.freeze()
    # As in conftest.py; the starts that stay real ones have the real cost.
    passphrase_key.COST = Cost(1, 8 * 1024)
    # After Ctrl-C the tests still end what they started, and wait for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.enable()
    _run(*serve(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
