"""Let a forked ``campaign serve`` start its mail worker from a fork, too.

``campaign serve`` calls ``subprocess.Popen`` for it. In a forked process that call takes a child which was
forked before ``serve`` began, and which so knows nothing of its settings, files and caches. A mail worker
that is started again after a crash is a new Python process as always.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

PYTHON = [sys.executable, "-m", "campaign"]

LARGEST_REQUEST = 100_000


class _Popen(subprocess.Popen[Any]):
    """A ``Popen`` that takes the waiting child for the first mail worker."""

    waiting: tuple[int, int] | None = None
    """Id of the child, and the pipe through which it gets arguments and environment."""

    def _execute_child(self, args: Any, *others: Any) -> None:
        if type(self).waiting is None or args[:4] != [*PYTHON, "work"]:
            super()._execute_child(args, *others)  # type: ignore[misc]
            return
        self.pid, pipe = type(self).waiting
        type(self).waiting = None
        self._child_created = True
        _write(pipe, json.dumps([args[3:], dict(os.environ)]).encode())


def fork_ahead() -> Callable[[], tuple[list[str], dict[str, str]]] | None:
    """Fork a child for the mail worker; in the child, return what waits for its arguments and environment."""
    its, ours = os.pipe()
    pid = os.fork()
    if pid:
        os.close(its)
        _Popen.waiting = pid, ours
        subprocess.Popen = _Popen  # type: ignore[misc]
        return None
    os.close(ours)
    return lambda: _read(its)


def _write(pipe: int, content: bytes) -> None:
    with os.fdopen(pipe, "wb") as file:
        file.write(content)


def _read(pipe: int) -> tuple[list[str], dict[str, str]]:
    with os.fdopen(pipe, "rb") as file:
        content = file.read()
    if not content:
        os._exit(0)  # `serve` has ended
    arguments, environment = json.loads(content)
    return arguments, environment
