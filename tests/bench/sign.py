"""Signatures per second, against a bare Flask view that inserts one row and commits.

Run ``python -m tests.bench.sign [SIGNATURES]``. Each signature is a whole form, checked, sealed
and committed with the mail that asks to confirm it; the mail itself is not sent, as no worker runs.
Afterwards the rows are counted: every acknowledged signature must be there.
"""

import sys
import tempfile
from pathlib import Path

from sqlalchemy import func, select

from campaign.appeal.reading import load as load_appeal
from campaign.letter.sheet import shown_text
from campaign.letter.template import compose
from campaign.reference.language import ENGLISH
from campaign.reference.participating_state import STATES
from campaign.signature.model import Signature
from tests.bench import load, report, server, site
from tests.bench.load import Answered
from tests.bench.report import RUNS
from tests.bench.server import Server
from tests.bench.site import MadeSite

SIGNATURES = 2000

OURS, FLOOR = "campaign.web.application:from_environment", "tests.bench.floor:insert"


def main() -> None:
    """Measure floor and site in turn, and print both."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SIGNATURES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = site.make(folder / "instance")
        bare = {"FLOOR_DATABASE": str(folder / "floor.sqlite")}
        with (
            server.serving(FLOOR, bare, folder / "floor.log", threads=server.FLOOR_THREADS) as floor,
            server.serving(OURS, made.environment, folder / "ours.log") as ours,
        ):
            server.pin(server.CLIENT_CORES)
            runs = [(insert(floor, run, number), sign(ours, str(run), number)) for run in range(RUNS)]
            peak = ours.peak_bytes()
        kept = _kept(made)
    report.heading(
        "Signatures per second",
        report.of_server(),
        f"{number:,} forms a run; {report.SQLITE}",
    )
    floors, mine = zip(*runs, strict=True)
    report.compare_answers(("bare insert and commit", floors), ("sign", mine))
    print(f"  the site's process held at most {report.mib(peak)}")
    if kept != number * RUNS:
        raise SystemExit(f"{number * RUNS} signatures were acknowledged, and {kept} are there")
    print(f"  all {kept:,} acknowledged signatures are in the database")


def sign(ours: Server, run: str, number: int, *, further: int = 0) -> Answered:
    """Send *number* forms; *run* makes their mailboxes differ from those of other runs.

    Args:
        ours: The site.
        run: Part of the mailboxes.
        number: How many forms.
        further: How many letters each signs beside its own.
    """
    codes, appeal = list(STATES), load_appeal()
    shown = {code: shown_text(compose(appeal, STATES[code], ENGLISH.code)) for code in codes}
    requests = [
        load.post(
            ours.port,
            f"/en/letters/{codes[at % len(codes)]}",
            {
                "name": f"Mara Example {at}",
                "email": f"mara{run}-{at}@house{at}.example",
                "residence": "FR",
                "town": "Oldtown",
                "words": "I lived there for ten years." if at % 10 == 0 else "",
                "disclosure": "delegation",
                "consent": "y",
                "website": "",
                "shown": shown[codes[at % len(codes)]],
                "also": [codes[(at + each) % len(codes)] for each in range(1, further + 1)],
            },
        )
        for at in range(number)
    ]
    return ours.answer(requests, status=303)


def insert(floor: Server, run: int, number: int) -> Answered:
    """Send *number* forms to the floor, which inserts a row for each."""
    form = {"name": "Mara Example", "residence": "FR", "town": "Oldtown", "disclosure": "delegation"}
    requests = [
        load.post(floor.port, "/", form | {"email": f"mara{run}-{at}@house{at}.example"})
        for at in range(number)
    ]
    return floor.answer(requests, status=303)


def _kept(made: MadeSite) -> int:
    database = made.database()
    with database.reading() as db:
        number = db.scalar(select(func.count()).select_from(Signature)) or 0
    database.close()
    return number


if __name__ == "__main__":
    main()
