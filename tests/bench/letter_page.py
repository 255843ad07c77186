"""Letter pages per second, against a bare Flask page that says hello.

Run ``python -m tests.bench.letter_page [PAGES]``. All 57 letters are asked for in turn, once by a
client that takes plain pages and once by one that takes packed ones, as browsers do.
"""

import http.client
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

from campaign.participating_state import STATES
from tests.bench import load, report, server, site
from tests.bench.load import Answered
from tests.bench.report import RUNS
from tests.bench.server import Server

PAGES = 20_000

SIGNATURES = 500
"""Made up, so that there is something to count."""

OURS, FLOOR = "campaign.web.application:from_environment", "tests.bench.floor:hello"

PACKED = {"Accept-Encoding": "gzip, deflate, br"}


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
            plain, packed = _size(ours, {}), _size(ours, PACKED)
            peak = ours.peak_bytes()
    report.heading(
        "Letter pages per second",
        report.of_server(),
        f"{number:,} pages a run, 57 letters in turn; one page has {plain:,} bytes, packed {packed:,}",
    )
    hello, plainly, zipped = zip(*runs, strict=True)
    report.compare_answers(("bare hello", hello), ("letter page", plainly), ("letter page, packed", zipped))
    print(f"  the site's process held at most {report.mib(peak)}")


def _run(floor: Server, ours: Server, number: int) -> tuple[Answered, Answered, Answered]:
    return (
        floor.answer([load.get(floor.port, "/", {})] * number, status=200),
        ours.answer(_letters(ours, number, {}), status=200),
        ours.answer(_letters(ours, number, PACKED), status=200),
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
