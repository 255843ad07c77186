"""One Argon2 hash at a time on a machine, since each takes 256 MiB; web processes and commands take turns."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from campaign.errors import TooManyAttemptsError

RETRY_AFTER_SECONDS = 5
"""For whom too many others wait before."""

POLL_SECONDS = 0.02


@contextmanager
def argon2_turn(instance: Path, *, patience_seconds: float = 30) -> Iterator[None]:
    """Wait until no other process of this machine stretches a passphrase, and keep them waiting meanwhile.

    The next process waits with a lock of its own, so that one that was just served cannot go before it.

    Args:
        instance: The folder of the lock files.
        patience_seconds: How long to wait for others.

    Raises:
        TooManyAttemptsError: It took longer.
    """
    until = time.monotonic() + patience_seconds
    with (
        (instance / "passphrase.next").open("a") as next_,
        (instance / "passphrase.lock").open("a") as lock,
    ):
        _lock(next_, until)
        _lock(lock, until)
        fcntl.flock(next_, fcntl.LOCK_UN)
        yield


def _lock(file: IO[str], until: float) -> None:
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TooManyAttemptsError(RETRY_AFTER_SECONDS) from None
            time.sleep(POLL_SECONDS)
