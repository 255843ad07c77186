"""Confirmations per second, against a bare Flask view that inserts one row and commits.

Run ``python -m tests.bench.confirm [SIGNATURES]``. Each confirms another mailbox's signature, made
beforehand, and moves the counts. Afterwards these are compared with the rows: every acknowledged
confirmation must be there.
"""

import sys
import tempfile
from pathlib import Path

from campaign.signature import count
from campaign.signature.recount import compare
from tests.bench import load, report, server, site
from tests.bench.load import Answered
from tests.bench.report import RUNS
from tests.bench.server import Server
from tests.bench.sign import FLOOR, OURS, insert
from tests.bench.site import MadeSite

SIGNATURES = 2000


def main() -> None:
    """Measure floor and site in turn, and print both."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SIGNATURES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = site.make(folder / "instance")
        tokens = [site.pending(made, number, name=str(run)) for run in range(RUNS)]
        bare = {"FLOOR_DATABASE": str(folder / "floor.sqlite")}
        with (
            server.serving(FLOOR, bare, folder / "floor.log", threads=server.FLOOR_THREADS) as floor,
            server.serving(OURS, made.environment, folder / "ours.log") as ours,
        ):
            server.pin(server.CLIENT_CORES)
            runs = [(insert(floor, run, number), _confirm(ours, tokens[run])) for run in range(RUNS)]
        _check(made, number * RUNS)
    report.heading("Confirmations per second", report.of_server(), f"{number:,} a run; {report.SQLITE}")
    floors, mine = zip(*runs, strict=True)
    report.compare_answers(("bare insert and commit", floors), ("confirm", mine))
    print(f"  all {number * RUNS:,} acknowledged confirmations count, and the counts equal the rows")


def _confirm(ours: Server, tokens: list[str]) -> Answered:
    requests = [load.post(ours.port, f"/en/signature/{token}", {"action": "confirm"}) for token in tokens]
    return ours.answer(requests, status=303)


def _check(made: MadeSite, number: int) -> None:
    database = made.database()
    with database.session(writes=True) as db:
        counted, differences = count.total(db), compare(db)
    database.close()
    if counted != number or differences:
        raise SystemExit(f"{number} confirmations were acknowledged, {counted} count: {differences}")


if __name__ == "__main__":
    main()
