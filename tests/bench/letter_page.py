"""Letter pages per second, against a bare Flask page that says hello.

Run ``python -m tests.bench.letter_page [PAGES]``. The site's letters are asked for in turn, all 57 of
them; once as a program asks, once as browsers do, which take a packed page, and once by browsers
that hold the page already and ask whether it still holds.
"""

import sys
import tempfile
from pathlib import Path

from tests.bench import load, report, server, site
from tests.bench.load import Answered
from tests.bench.report import RUNS
from tests.bench.server import Server

PAGES = 20_000

CONNECTIONS = 16

SIGNATURES = 500
"""Made up, so that there is something to count."""

OURS, FLOOR = "campaign.web.application:from_environment", "tests.bench.floor:hello"

PACKED = {"Accept_Encoding": "gzip, deflate, br"}


def main() -> None:
    """Let floor and site take turns, and print both."""
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
            runs = [_run(floor, ours, number) for _ in range(RUNS)]
            size, packed = (len(_page(ours, headers)) for headers in ({}, PACKED))
            peak = ours.peak_bytes()
    report.heading(
        "Letter pages per second",
        report.of_server(),
        f"{CONNECTIONS} connections, {number:,} pages a run, 57 letters in turn;"
        f" a page has {size:,} bytes, packed {packed:,}",
    )
    hello, plain, zipped, held = zip(*runs, strict=True)
    report.compare(
        "per second",
        _figure("bare hello", hello),
        _figure("letter page", plain),
        _figure("letter page, packed", zipped),
        _figure("letter page, held by the browser", held, f"; peak {report.mib(peak)}"),
    )


def _run(floor: Server, ours: Server, number: int) -> tuple[Answered, ...]:
    asked = [load.get(floor.port, "/")] * number
    return (
        load.drive(floor.port, asked, connections=CONNECTIONS, status=200),
        load.drive(ours.port, _letters(ours, number, {}), connections=CONNECTIONS, status=200),
        load.drive(ours.port, _letters(ours, number, PACKED), connections=CONNECTIONS, status=200),
        load.drive(ours.port, _letters(ours, number, _held(ours)), connections=CONNECTIONS, status=None),
    )
