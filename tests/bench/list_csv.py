"""Rows of a list per second and its peak memory, against a loop that only opens the sealed boxes.

Run ``python -m tests.bench.list_csv [SIGNATURES …]``, by default for 50,000 and 500,000. The list of
every letter is read, opened and written as CSV, as ``campaign list all`` does it. The floor opens the
same boxes from memory and discards the contents; both figures are rows of that list, of which a
fifth has no box. Each is measured in a process of its own, on one core, by processor time and by
wall-clock time.
"""

import multiprocessing
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from nacl.public import PrivateKey, SealedBox

from campaign.reference.participating_state import STATES
from campaign.sealing.key_ring import key_ring
from campaign.signature_list import csv_file, entry
from tests.bench import report, server, site
from tests.bench.report import RUNS, Figure
from tests.bench.site import MadeSite

SIGNATURES = (50_000, 500_000)

BOXES = "SELECT sealed FROM signature WHERE sealed IS NOT NULL"


class Measured(NamedTuple):
    """Figures of one run."""

    busy_seconds: float
    """Processor time."""
    seconds: float
    """Wall-clock time."""
    peak: int
    """Bytes of memory."""
    size: int
    """Bytes of the file, or of all contents."""


def main() -> None:
    """Measure floor and list in turns, for each number of signatures."""
    numbers = [int(each) for each in sys.argv[1:]] or SIGNATURES
    report.heading("Rows of a list per second", "the list of all letters as CSV")
    for number in numbers:
        with tempfile.TemporaryDirectory() as name:
            _compare(Path(name), number)


def _compare(folder: Path, number: int) -> None:
    made = site.make(folder / "instance")
    site.fill(made, number, step=lambda _size: print(".", end="", file=sys.stderr, flush=True))
    print(file=sys.stderr)
    floors, lists = [], []
    for _ in range(RUNS):
        floors.append(_measured(open_boxes, made))
        lists.append(_measured(write_list, made))
    print(f"{number:,} signatures; the file has {report.mib(lists[0].size)}")
    report.compare(
        "rows/busy s",
        _by_processor("loop of SealedBox.decrypt", floors, number),
        _by_processor("list", lists, number),
    )
    report.compare(
        "rows/s",
        _by_clock("loop of SealedBox.decrypt", floors, number),
        _by_clock("list", lists, number),
    )


def open_boxes(made: MadeSite) -> Measured:
    """Open every box and do nothing else."""
    path = made.database().url.database
    assert path is not None
    with sqlite3.connect(path) as connection:
        boxes = [box for (box,) in connection.execute(BOXES)]
    connection.close()
    opener = SealedBox(PrivateKey(made.private_key))
    began, busy = time.perf_counter(), time.process_time()
    size = 0
    for box in boxes:
        size += len(opener.decrypt(box))
    taken = time.process_time() - busy, time.perf_counter() - began
    return Measured(*taken, server.peak_bytes(os.getpid()), size)


def write_list(made: MadeSite) -> Measured:
    """Write the list of every letter."""
    path = Path(made.environment["CAMPAIGN_INSTANCE"]) / "list.csv"
    database = made.database()
    began, busy = time.perf_counter(), time.process_time()
    with path.open("w", encoding="utf-8", newline="") as file, database.snapshot() as db:
        chunks = csv_file.lines(entry.for_organisers(db, STATES, key_ring(db, made.private_key)))
        file.writelines(chunks)
    taken = time.process_time() - busy, time.perf_counter() - began
    database.close()
    return Measured(*taken, server.peak_bytes(os.getpid()), path.stat().st_size)


def _measured(measure: Callable[[MadeSite], Measured], made: MadeSite) -> Measured:
    server.pin(server.CLIENT_CORES)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (made,))


def _by_processor(name: str, runs: list[Measured], number: int) -> Figure:
    return Figure(name, [number / run.busy_seconds for run in runs])


def _by_clock(name: str, runs: list[Measured], number: int) -> Figure:
    peak = max(run.peak for run in runs)
    return Figure(name, [number / run.seconds for run in runs], f"peak {report.mib(peak)}")


if __name__ == "__main__":
    main()
