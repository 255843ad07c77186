"""A web process among others: how it ends, and what it does not look at again and again."""

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from granian import _granian, _signals

PR_SET_PDEATHSIG = 1
"""Linux's prctl(2): the signal to get when the parent dies."""


def end_with_parent() -> None:
    """Have this process killed when the one that started it is gone, so that the port is free again.

    Under a web server that makes its processes in another way, this does nothing.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have gone before. In a container it may be process 1; and orphans may go to another than that.
    if os.getppid() != parent.pid:
        raise SystemExit("the process that started this one is gone")


def keep_what_is_made() -> None:
    """Tell Python that what a start made stays, so that no collection of garbage looks through it again.

    It is most of the memory, and without this a twentieth of each signature.
    """
    gc.collect()
    gc.freeze()


def stop_once() -> None:
    """Let only the first signal to stop count; to be called before Granian (2.8.7) sets its handlers.

    systemd, or Ctrl-C, tells every process, and then each web process is told again by the one that
    started it. Granian's handler waits for ever when it is called a second time, with Python's lock
    in its hands, and the requests that should be finished are cut.
    """

    def set_sync_signals() -> _granian.WorkerSignal:
        told = _granian.WorkerSignal()

        def stop(_number: int, _frame: FrameType | None) -> None:
            _handle(signal.SIG_IGN)
            told.set()

        _handle(stop)
        return told

    _signals.set_sync_signals = set_sync_signals


def _handle(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)
