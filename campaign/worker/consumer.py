"""Huey's consumer: two threads that run the tasks, and how a worker stops."""

import os
import signal
from collections.abc import Callable
from types import FrameType

from huey import Huey
from huey.consumer import Consumer, ConsumerStopped

CHECK_SECONDS = 2
"""Between two checks of the threads and of the queue."""

STOP_SECONDS = 6
"""How long a stopping worker waits for the relay's reply to the mail that is being sent."""


class WorkerConsumer(Consumer):  # type: ignore[misc]
    """A consumer with two threads, so that sending many mails does not delay the other tasks."""

    def __init__(self, huey: Huey, check_queue: Callable[[], None], *, follow_parent: bool) -> None:
        super().__init__(
            huey,
            workers=2,
            initial_delay=0.1,
            max_delay=0.5,
            health_check_interval=CHECK_SECONDS,
            shutdown_timeout=STOP_SECONDS,
        )
        self._check_queue = check_queue
        self._parent = os.getppid() if follow_parent else None
        self._signum: int | None
        # Each signal finishes the current mail and ends; by default huey would restart, or drop the mail.
        self._signal_actions = dict.fromkeys((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), (False, True))

    def loop(self, health_check_ts: float | None = None) -> float | None:
        """Check the threads once; stop if the parent process has ended."""
        if self._parent is not None and os.getppid() != self._parent:
            self.stop(graceful=True)
            raise ConsumerStopped
        checked_at: float | None = super().loop(health_check_ts)
        return checked_at

    def check_worker_health(self) -> bool:
        """Check the queue and the threads."""
        self._check_queue()
        return bool(super().check_worker_health())

    def _handle_signal(self, signum: int, _frame: FrameType | None) -> None:
        # Often two come, from systemd and from the parent; to huey, the second one means to drop the mail.
        self._signum = self._signum or signum
