"""One of several web processes: when it ends, and how rarely its garbage collector runs."""

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from granian import _granian, _signals

NEW_OBJECTS = 10_000
"""Objects after which the garbage collector looks at new ones."""

PR_SET_PDEATHSIG = 1
"""Option of Linux's prctl(2): the signal that this process gets when its parent dies."""


def end_with_parent() -> None:
    """Have this process killed when its parent ends, so that the port is free again.

    It does nothing under a web server that does not start its processes with ``multiprocessing``.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have ended before that. Its number is compared, since 1 is no sign of an orphan: in a
    # container the parent may be process 1, and a subreaper may adopt orphans.
    if os.getppid() != parent.pid:
        raise SystemExit("the process that started this one is gone")


def calm_garbage_collector() -> None:
    """Exclude all present objects from garbage collection, and collect the others less often.

    The present ones are most of the memory. With Python's own threshold, 700, collections take a tenth of
    the time of each signature, and find next to nothing: a request leaves few cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)


def handle_one_stop_signal() -> None:
    """Ignore every stop signal after the first; call it before Granian sets its signal handlers.

    systemd and Ctrl-C send the signal to every process, and Granian's main process then sends it to each
    web process again. A second call of Granian's handler blocks for ever while it has Python's global
    lock, so requests in progress would be cut off. Granian has no public hook for its workers' signals; a
    test names the version in which the private function replaced here was checked.
    """

    def set_sync_signals() -> _granian.WorkerSignal:
        stopping = _granian.WorkerSignal()

        def stop(_number: int, _frame: FrameType | None) -> None:
            _handle(signal.SIG_IGN)
            stopping.set()

        _handle(stop)
        return stopping

    _signals.set_sync_signals = set_sync_signals


def _handle(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)
