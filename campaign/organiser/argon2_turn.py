"""One Argon2 hash at a time: each takes much memory on purpose."""

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from campaign.organiser.login_attempt import TooManyAttemptsError

BUSY_SECONDS = 5
"""What is told to whoever comes while another passphrase is being stretched."""


_TURN = threading.BoundedSemaphore(1)


@contextmanager
def one_at_a_time(instance: Path, *, patience_seconds: float = 2) -> Iterator[None]:
    """Let one passphrase be stretched at a time on this machine, since each takes 256 MiB.

    Of one process one thread may wait for its turn, so that the others go on serving pages.

    Raises:
        TooManyAttemptsError: Others took the whole time that we were ready to wait.
    """
    if not _TURN.acquire(blocking=False):
        raise TooManyAttemptsError(BUSY_SECONDS)
    try:
        with (instance / "passphrase.lock").open("a") as file:
            _wait_for(file, time.monotonic() + patience_seconds)
            yield
    finally:
        _TURN.release()


def _wait_for(file: IO[str], deadline: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TooManyAttemptsError(BUSY_SECONDS) from None
            time.sleep(0.05)
        else:
            return
