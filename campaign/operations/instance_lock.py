"""The lock of an instance folder, which one ``campaign serve`` or ``campaign restore`` holds."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from campaign.errors import SettingsError

WAIT_SECONDS = 3.0
"""A server that was killed may need a moment to end."""

POLL_SECONDS = 0.1


@contextmanager
def instance_lock(folder: Path, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Lock *folder* while the block lasts; a lock of this process, which its children do not inherit.

    Raises:
        SettingsError: Another process serves this folder.
    """
    number = os.open(folder / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end = time.monotonic() + wait_seconds
        while not _is_locked(number):
            if time.monotonic() > end:
                raise SettingsError(f"CAMPAIGN_INSTANCE: another `campaign serve` uses {folder}")
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(number)


def _is_locked(number: int) -> bool:
    try:
        fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
