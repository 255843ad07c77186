"""Signatures per second while 64 readers reload the count without a pause, against signing alone.

Run ``python -m tests.bench.readers [SIGNATURES]``. The readers are as fast as they can be: each asks again
as soon as it has its answer, half of them for the counts, half for a letter.
"""

import multiprocessing
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

from tests.bench import load, report, server, site
from tests.bench.report import RUNS
from tests.bench.server import Server
from tests.bench.sign import OURS, sign

SIGNATURES, READERS = 2000, 64

PATHS = ("/counts.json", "/en/letters/de")

_spawned = multiprocessing.get_context("spawn")


def main() -> None:
    """Let both take turns, and print them."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SIGNATURES
    runs = []
    with tempfile.TemporaryDirectory() as name:
        made = site.make(Path(name) / "instance")
        with server.serving(OURS, made.environment, Path(name) / "ours.log") as ours:
            server.pin(server.CLIENT_CORES)
            for run in range(RUNS):
                alone = sign(ours, f"alone{run}", number)
                with reading(ours):
                    runs.append((alone, sign(ours, f"read{run}", number)))
    report.heading(
        f"Signatures per second while {READERS} readers reload", report.of_server(), f"{number:,} forms a run"
    )
    alone_runs, read_runs = zip(*runs, strict=True)
    report.compare_answers(("sign alone", alone_runs), ("sign while all reload", read_runs))


@contextmanager
def reading(ours: Server) -> Iterator[None]:
    """Have all readers reload while the block lasts."""
    over = _spawned.Event()
    readers = _spawned.Process(target=_reload, args=(ours.port, over))
    readers.start()
    try:
        yield
    finally:
        over.set()
        readers.join()


def _reload(port: int, over: Event) -> None:
    server.pin(server.CLIENT_CORES)
    requests = [load.get(port, path, {"Accept-Encoding": "gzip"}) for path in PATHS]

    def until_over() -> Iterator[bytes]:
        while True:
            yield from requests
            if over.is_set():
                # Each reader is still given its last one.
                yield from requests * READERS
                return

    load.drive(port, until_over(), status=200, connections=READERS)


if __name__ == "__main__":
    main()
