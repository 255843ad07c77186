"""The server behind ``fork_server``: it has imported the tool, and forks for each process of the tests."""

import atexit
import ctypes
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from tests.support import cheap_passphrase, mail_worker_start
from tests.support.run_folder import locked

LARGEST_REQUEST = 100_000

START, END = 47, 48
"""Positions of the command line's first and last address in ``/proc/PID/stat``, from 0."""


@dataclass
class Server:
    """Forks for each request of the processes that are connected to it."""

    listener: socket.socket
    address: Path
    connections: set[socket.socket] = field(default_factory=set)
    reports: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By the descriptor of each forked process: its id, and the pipe to which its exit status goes."""

    def serve(self) -> list[Any]:
        """Fork, and report process ids and exit statuses; only a forked process returns, with its request."""
        while True:
            for ready in select.select([self.listener, *self.connections, *self.reports], [], [])[0]:
                if ready is self.listener:
                    self.connections.add(self.listener.accept()[0])
                elif ready in self.reports:
                    self._report(ready)
                elif request := self._fork(ready):
                    return request

    def _fork(self, connection: socket.socket) -> list[Any] | None:
        request, files, _, _ = socket.recv_fds(connection, LARGEST_REQUEST, 4)
        if not request:
            self.connections.remove(connection)
            connection.close()
            self._end_if_unused()
            return None
        pid = os.fork()
        if pid == 0:
            *what, is_leader = json.loads(request)
            if is_leader:
                os.setsid()
            # Only now, since who knows the number may kill the group.
            _tell(files[3], os.getpid())
            self._take(files)
            return what
        for number in files[:3]:
            os.close(number)
        self.reports[os.pidfd_open(pid)] = pid, files[3]
        return None

    def _report(self, ended: int) -> None:
        pid, report = self.reports.pop(ended)
        _tell(report, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os.close(report)
        os.close(ended)

    def _end_if_unused(self) -> None:
        if self.connections:
            return
        with suppress(FileNotFoundError), locked(self.address):  # of a run that has ended
            if select.select([self.listener], [], [], 0)[0]:
                return
            self.address.unlink()
        os._exit(0)

    def _take(self, files: list[int]) -> None:
        """Use *files* as input, output and errors, and close what belongs to the server."""
        for number, file in enumerate(files[:3]):
            os.dup2(file, number)
        pipes = [report for _, report in self.reports.values()]
        for file in (*files, *pipes, *self.reports):
            os.close(file)
        for each in (self.listener, *self.connections):
            each.close()


def _tell(report: int, number: int) -> None:
    try:
        os.write(report, b"%d\n" % number)
    except BrokenPipeError:  # nobody waits for it
        return


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


def _run(module: str, arguments: list[str], env: dict[str, str], cwd: str) -> None:
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


def _preload() -> None:
    """Import what commands, web processes and the worker need, and compute what depends on no setting."""
    import alembic.command
    import alembic.config  # noqa: F401
    from sqlalchemy.orm import configure_mappers

    from campaign.appeal.reading import load
    from campaign.cli import main as commands
    from campaign.letter import edition
    from campaign.web import application
    from campaign.web.serving import language
    from tests.support import compile_cache

    for name in commands.COMMANDS:
        commands.campaign.get_command(None, name)  # type: ignore[arg-type]
    configure_mappers()
    compile_cache.share_templates()
    compile_cache.share_routes()
    routed = application.Application("campaign", static_folder=None)
    language.init_app(routed)
    application._add_views(routed)
    # The product's cache by appeal: without it each start would compose the same 456 letters.
    edition._content_hash(load())


def main() -> None:
    gc.disable()  # as the product does for its imports
    _preload()
    gc.freeze()
    gc.enable()
    cheap_passphrase.install()  # the starts that stay real ones have the real cost
    # After Ctrl-C the tests still end what they started, and wait for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    number, address = sys.argv[1:3]
    _run(*Server(socket.socket(fileno=int(number)), Path(address)).serve())


if __name__ == "__main__":
    main()
