"""Rows of a list per second and its peak memory, against a loop that only opens the sealed boxes.

Run ``python -m tests.bench.list_csv [SIGNATURES …]``, by default for 10,000 and 200,000. The list of
every letter is read, opened and written as CSV, as ``campaign list all`` does it. The floor opens the
same boxes, which lie in its memory, and throws them away; both are given as rows of that list, of
which a fifth has no box. Each is measured in a process of its own.
"""

import multiprocessing
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nacl.public import PrivateKey, SealedBox

from campaign.participating_state import STATES
from campaign.signature_list import csv_file, reading
from tests.bench import report, server, site
from tests.bench.report import RUNS, Figure
from tests.bench.site import MadeSite

SIGNATURES = (10_000, 200_000)

BOXES = "SELECT sealed FROM signature WHERE sealed IS NOT NULL"

Measured = tuple[float, int, int]
"""Processor seconds, peak bytes, and size in bytes."""


def main() -> None:
    """Let floor and list take turns, for each number of signatures."""
    numbers = [int(each) for each in sys.argv[1:]] or SIGNATURES
    report.heading("Rows of a list per second", "one process, one core; the list of all letters as CSV")
    for number in numbers:
        with tempfile.TemporaryDirectory() as name:
            _compare(Path(name), number)


def _compare(folder: Path, number: int) -> None:
    made = site.make(folder / "instance")
    site.fill(made, number, step=lambda _size: print(".", end="", file=sys.stderr, flush=True))
    print(file=sys.stderr)
    floors, lists = [], []
    for _ in range(RUNS):
        floors.append(_alone(open_boxes, made))
        lists.append(_alone(write_list, made))
    print(f"{number:,} signatures; the file has {report.mib(lists[0][2])}")
    report.compare(
        "rows per second",
        _figure("loop of SealedBox.decrypt", floors, number),
        _figure("list", lists, number),
    )


def open_boxes(made: MadeSite) -> Measured:
    """Open every box, and nothing else."""
    path = made.database().url.database
    assert path is not None
    with sqlite3.connect(path) as connection:
        boxes = [
            box for (box,) in connection.execute("SELECT sealed FROM signature WHERE sealed IS NOT NULL")
        ]
    connection.close()
    opener = SealedBox(PrivateKey(made.private_key))
    began = time.process_time()
    size = 0
    for box in boxes:
        size += len(opener.decrypt(box))
    return time.process_time() - began, server.peak_bytes(os.getpid()), size


def write_list(made: MadeSite) -> Measured:
    """Write the list of every letter."""
    path = Path(made.environment["CAMPAIGN_INSTANCE"]) / "list.csv"
    database = made.database()
    began = time.process_time()
    with path.open("w", encoding="utf-8", newline="") as file, database.reading() as db:
        rows = (row for code in STATES for row in reading.for_organisers(db, code, made.private_key))
        file.writelines(csv_file.lines(rows))
    seconds = time.process_time() - began
    database.close()
    return seconds, server.peak_bytes(os.getpid()), path.stat().st_size


def _alone(measure: Callable[[MadeSite], Measured], made: MadeSite) -> Measured:
    server.pin(server.CLIENT_CORES)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (made,))


def _figure(name: str, runs: list[Measured], number: int) -> Figure:
    peak = max(peak for _seconds, peak, _size in runs)
    return Figure(name, [number / seconds for seconds, _peak, _size in runs], f"peak {report.mib(peak)}")


if __name__ == "__main__":
    main()
