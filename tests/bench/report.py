"""Print figures with the machine, the versions, every run, and the floor beside them."""

import os
import platform
import sqlite3
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from campaign.cli.serve import THREADS
from tests.bench.load import CONNECTIONS, Answered
from tests.bench.server import FLOOR_THREADS, IS_PINNED

SQLITE = "SQLite, WAL, synchronous=FULL"

RUNS = 3
"""The floor and ours take turns so often; of each, the run in the middle counts."""

Runs = Sequence[Answered]

PACKAGES = ("flask", "granian", "sqlalchemy", "pynacl", "argon2-cffi")


@dataclass(frozen=True)
class Figure:
    """One measured thing, in units a second, once for each run."""

    name: str
    runs: Sequence[float]
    remark: str = ""

    @property
    def middle(self) -> float:
        """The middle run's figure, which counts."""
        return statistics.median(self.runs)


def heading(title: str, *settings: str) -> None:
    """Print what was measured, where and how."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    print(title)
    print(f"  machine   {_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB, {platform.system()}")
    print(f"  software  Python {platform.python_version()}, {packages}, SQLite {sqlite3.sqlite_version}")
    for setting in settings:
        print(f"  settings  {setting}")


def of_server() -> str:
    """Return how the servers ran, for :func:`heading`."""
    cores = "server on core 0, client on core 1" if IS_PINNED else "server and client NOT kept apart"
    threads = f"{THREADS} threads (the floor {FLOOR_THREADS}, which suits it best)"
    return f"Granian, 1 process, {threads}; {cores}; {CONNECTIONS} connections kept alive, loopback"


def compare_answers(floor: tuple[str, Runs], *others: tuple[str, Runs]) -> None:
    """Print how many answers came in a second, and in a second of the server's processor time."""
    compare("per second", *(_by_clock(name, runs) for name, runs in (floor, *others)))
    compare("per busy second", *(_by_processor(name, runs) for name, runs in (floor, *others)))


def compare(unit: str, floor: Figure, *others: Figure) -> None:
    """Print each figure, its runs, and its ratio to *floor*."""
    for figure in (floor, *others):
        runs = ", ".join(f"{run:,.0f}" for run in figure.runs)
        ratio = "floor" if figure is floor else f"{figure.middle / floor.middle:.2f} × floor"
        print(f"  {figure.name:<34} {figure.middle:>9,.0f} {unit:<16} {ratio:<14} (runs: {runs})")
        if figure.remark:
            print(f"  {'':<34} {figure.remark}")


def mib(number: float) -> str:
    """Return a number of bytes in MiB."""
    return f"{number / 2**20:,.0f} MiB"


def _by_clock(name: str, runs: Runs) -> Figure:
    middle = sorted(runs, key=lambda run: run.per_second)[len(runs) // 2]
    half, hundredth = (f"{seconds * 1000:.1f} ms" for seconds in (middle.middle, middle.slowest_hundredth))
    busy = middle.busy_seconds / middle.seconds
    remark = f"half within {half}, 99 of 100 in {hundredth}; the server took {busy:.0%} of a core"
    return Figure(name, [run.per_second for run in runs], remark)


def _by_processor(name: str, runs: Runs) -> Figure:
    return Figure(name, [run.per_busy_second for run in runs])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
