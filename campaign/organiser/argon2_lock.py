"""A lock that lets one Argon2 hash run at a time on a machine, since each takes 256 MiB."""

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from campaign.errors import TooManyAttemptsError

RETRY_AFTER_SECONDS = 5
"""What a request is answered while another passphrase is being stretched."""

POLL_SECONDS = 0.05

_THREAD_LOCK = threading.BoundedSemaphore(1)


@contextmanager
def argon2_lock(instance: Path, *, patience_seconds: float = 2) -> Iterator[None]:
    """Hold the lock of this machine while a passphrase is stretched.

    At most one thread of a process waits, so that the others go on serving pages.

    Args:
        instance: The folder of the lock file.
        patience_seconds: How long to wait for other processes.

    Raises:
        TooManyAttemptsError: Another thread or process has the lock.
    """
    if not _THREAD_LOCK.acquire(blocking=False):
        raise TooManyAttemptsError(RETRY_AFTER_SECONDS)
    try:
        with (instance / "passphrase.lock").open("a") as file:
            _lock_file(file, polls=1 + int(patience_seconds / POLL_SECONDS))
            yield
    finally:
        _THREAD_LOCK.release()


def _lock_file(file: IO[str], *, polls: int) -> None:
    for _ in range(polls):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(POLL_SECONDS)
    raise TooManyAttemptsError(RETRY_AFTER_SECONDS)
