"""A disk that a test can fill."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

DISK_BYTES = 20_000_000


@contextmanager
def small_disk(folder: Path, *, is_read_only: bool = False) -> Iterator[Path]:
    """Mount a small disk at *folder* while the block lasts."""
    folder.mkdir()
    options = f"size={DISK_BYTES}{',ro' if is_read_only else ''}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        # In CI a test that cannot run fails.
        (pytest.fail if os.environ.get("CI") else pytest.skip)("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Fill *disk* to the last byte."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    assert shutil.disk_usage(disk).free == 0
    return filler
