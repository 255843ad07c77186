"""Pages per second while the counts move, against a bare Flask page that says hello.

Run ``python -m tests.bench.pages [PAGES]``. All 57 letters are asked for in turn, once by a client that
takes plain pages and once by one that takes packed ones, as browsers do; then the home page, the progress
page and the counts. Meanwhile a signature is confirmed five times a second, each for another letter.
"""

import http.client
import sys
import tempfile
import threading
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from campaign.reference.participating_state import STATES
from tests.bench import load, report, server, site
from tests.bench.load import Answered
from tests.bench.report import RUNS
from tests.bench.server import Server
from tests.bench.site import MadeSite
from tests.support.worker import meanwhile

PAGES = 20_000

SIGNATURES = 500
"""Made up, so that there is something to count."""

MOVING_SECONDS = 0.2

OURS, FLOOR = "campaign.web.application:from_environment", "tests.bench.floor:hello"

PACKED = {"Accept-Encoding": "gzip, deflate, br"}

OTHERS = {"home page": "/en/", "progress page": "/en/progress", "counts.json": "/counts.json"}


def main() -> None:
    """Measure floor and site in turn, and print all."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else PAGES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = site.make(folder / "instance")
        site.fill(made, SIGNATURES)
        with (
            server.serving(FLOOR, {}, folder / "floor.log") as floor,
            server.serving(OURS, made.environment, folder / "ours.log") as ours,
        ):
            server.pin(server.CLIENT_CORES)
            with meanwhile(partial(_move, made)):
                runs = [_run(floor, ours, number) for _ in range(RUNS)]
            plain, packed = _size(ours, {}), _size(ours, PACKED)
            peak = ours.peak_bytes()
    report.heading(
        "Pages per second",
        report.of_server(),
        f"{number:,} pages a run, 57 letters in turn; one page has {plain:,} bytes, packed {packed:,}",
    )
    hello, plainly, zipped, *others = zip(*runs, strict=True)
    named = zip((f"{each}, packed" for each in OTHERS), others, strict=True)
    report.compare_answers(
        ("bare hello", hello), ("letter page", plainly), ("letter page, packed", zipped), *named
    )
    print(f"  the site's process held at most {report.mib(peak)}")


def _move(made: MadeSite, over: threading.Event) -> None:
    """Confirm one signature after the other."""
    while not over.wait(MOVING_SECONDS):
        site.fill(made, 1)


def _run(floor: Server, ours: Server, number: int) -> tuple[Answered, ...]:
    return (
        floor.answer([load.get(floor.port, "/", {})] * number, status=200),
        ours.answer(_letters(ours, number, {}), status=200),
        ours.answer(_letters(ours, number, PACKED), status=200),
        *(ours.answer([load.get(ours.port, path, PACKED)] * number, status=200) for path in OTHERS.values()),
    )


def _letters(ours: Server, number: int, headers: dict[str, str]) -> list[bytes]:
    each = [load.get(ours.port, f"/en/letters/{code}", headers) for code in STATES]
    return list(islice(cycle(each), number))


def _size(ours: Server, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=load.PATIENCE_SECONDS)
    connection.request("GET", "/en/letters/de", headers=headers)
    size = len(connection.getresponse().read())
    connection.close()
    return size


if __name__ == "__main__":
    main()
