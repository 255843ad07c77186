"""Ten letters by one form, and by one button: forms and confirmations per second, against one letter each.

Run ``python -m tests.bench.several [FORMS]``. The floor is a bare Flask view that inserts one row and
commits. Afterwards the counts are compared with the rows: every acknowledged letter must be there.
"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import and_, func, select

from campaign.sealing.code import code_hash
from campaign.signature import count
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.recount import compare
from campaign.signature.shown import Shown
from tests.bench import load, report, server, site
from tests.bench.load import Answered
from tests.bench.report import RUNS
from tests.bench.server import Server
from tests.bench.sign import FLOOR, OURS, insert, sign
from tests.bench.site import MadeSite

FORMS = 300

FURTHER = 9
"""Letters beside the first one."""


def main() -> None:
    """Measure the floor, one letter and ten letters in turn, and print all."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else FORMS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = site.make(folder / "instance")
        waiting = [
            (_waiting(made, number, f"one-{run}", 0), _waiting(made, number, f"ten-{run}", FURTHER))
            for run in range(RUNS)
        ]
        bare = {"FLOOR_DATABASE": str(folder / "floor.sqlite")}
        with (
            server.serving(FLOOR, bare, folder / "floor.log", threads=server.FLOOR_THREADS) as floor,
            server.serving(OURS, made.environment, folder / "ours.log") as ours,
        ):
            server.pin(server.CLIENT_CORES)
            runs = [
                (
                    insert(floor, run, number),
                    sign(ours, f"one{run}", number),
                    sign(ours, f"ten{run}", number, further=FURTHER),
                    _confirm(ours, one),
                    _confirm(ours, ten),
                )
                for run, (one, ten) in enumerate(waiting)
            ]
        _check(made, number * RUNS * (2 + FURTHER))
    report.heading("Ten letters by one form", report.of_server(), f"{number:,} forms a run; {report.SQLITE}")
    floors, *mine = zip(*runs, strict=True)
    names = ("sign 1 letter", "sign 10 letters", "confirm 1 letter", "confirm 10 letters")
    report.compare_answers(("bare insert and commit", floors), *zip(names, mine, strict=True))
    print("  all acknowledged letters are in the database, and the counts equal the rows")


def _waiting(made: MadeSite, number: int, name: str, further: int) -> Mapping[str, list[str]]:
    """Return what the page of each token shows."""
    tokens = site.pending(made, number, name=name, further=further)
    by_hash: dict[bytes, list[str]] = {code_hash(token): [] for token in tokens}
    database = made.database()
    opens = and_(
        SignatureToken.state_code == Signature.state_code, SignatureToken.signature_id == Signature.id
    )
    with database.reading() as db:
        for hash_, row in db.execute(select(SignatureToken.hash, Signature).join(Signature, opens)):
            by_hash.get(hash_, []).append(str(Shown.of(row)))
    database.close()
    return {token: by_hash[code_hash(token)] for token in tokens}


def _confirm(ours: Server, waiting: Mapping[str, list[str]]) -> Answered:
    requests = [
        load.post(ours.port, f"/en/signature/{token}", {"action": "confirm", "shown": shown})
        for token, shown in waiting.items()
    ]
    return ours.answer(requests, status=303)


def _check(made: MadeSite, number: int) -> None:
    database = made.database()
    with database.session(writes=True) as db:
        rows = db.scalar(select(func.count()).select_from(Signature)) or 0
        counted, differences = count.total(db), compare(db)
    database.close()
    if (rows, counted) != (2 * number, number) or differences:
        raise SystemExit(f"{number} letters were signed and as many confirmed: {rows}, {counted}")


if __name__ == "__main__":
    main()
