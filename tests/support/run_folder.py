"""A folder that all processes of a test run share."""

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "TESTS_RUN_FOLDER"
"""Environment variable with the folder's name."""


def run_folder() -> Path:
    """Return the folder; the first process of a run makes it, removes it, and hands its name on."""
    if NAME not in os.environ:
        os.environ[NAME] = tempfile.mkdtemp(prefix="run")
        atexit.register(shutil.rmtree, os.environ[NAME], ignore_errors=True)
    return Path(os.environ[NAME])


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let no other process that locks *path* go on while the block lasts."""
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
