"""Cost of the protections per signature: without limits, with a ticket, and with a solved puzzle.

Run ``python -m tests.bench.guard [SIGNATURES]``. Tickets and puzzles are made before, with the server's
own key, since nobody could solve thousands. The last line is the page that asks for a proof, with a new
puzzle in it: the answer to a flood that brings no proofs.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import altcha

from campaign.clock import SYSTEM_CLOCK
from campaign.guard import proof_of_work
from campaign.guard.threshold import TICKET_SECONDS
from campaign.reference.participating_state import STATES
from campaign.sealing.server_key import ServerKeys
from tests.bench import load, report, server, site
from tests.bench.load import Answered
from tests.bench.report import RUNS
from tests.bench.server import Server

SIGNATURES = 1500

OURS = "campaign.web.application:from_environment"

Brought = Callable[[str, str], dict[str, str]]
"""Returns the further fields that a signature of a letter with an address brings."""


def main() -> None:
    """Measure the ways to sign in turn, and print all."""
    # Only in this process, which makes the puzzles: the server is not asked how hard they were.
    vars(proof_of_work).update(MIN_TRIES=1, MAX_TRIES=2)
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SIGNATURES
    with tempfile.TemporaryDirectory() as name:
        free = site.make(Path(name) / "free")
        guarded = site.make(Path(name) / "guarded")
        guarded.environment["CAMPAIGN_UNLIMITED_NETWORKS"] = ""
        guarded.environment["CAMPAIGN_TRUSTED_PROXIES"] = "1"
        keys = guarded.keys()
        with (
            server.serving(OURS, free.environment, Path(name) / "free.log") as without,
            server.serving(OURS, guarded.environment, Path(name) / "guarded.log") as with_guard,
        ):
            server.pin(server.CLIENT_CORES)
            runs = [
                (
                    _sign(without, f"a{run}", number, _nothing),
                    _sign(with_guard, f"b{run}", number, lambda *mailbox: _ticket(keys, *mailbox)),
                    _sign(with_guard, f"c{run}", number, lambda *_mailbox: _answer(keys)),
                    _sign(with_guard, f"d{run}", number, _nothing, status=422),
                )
                for run in range(RUNS)
            ]
    report.heading("Signatures per second, behind the guard", report.of_server(), f"{number:,} forms a run")
    free_runs, ticket_runs, puzzle_runs, asked_runs = zip(*runs, strict=True)
    report.compare_answers(
        ("without limits", free_runs),
        ("each with a ticket", ticket_runs),
        ("each with a solved puzzle", puzzle_runs),
        ("asked for a moment", asked_runs),
    )


def _sign(ours: Server, name: str, number: int, bring: Brought, *, status: int = 303) -> Answered:
    codes = list(STATES)
    requests = []
    for at in range(number):
        code, email = codes[at % len(codes)], f"mara{name}-{at}@house{at}.example"
        form = {"name": f"Mara Example {at}", "email": email, "residence": "FR", "town": "Oldtown"}
        form |= {"words": "", "disclosure": "delegation", "consent": "y", "website": ""}
        network = {"X-Forwarded-For": f"10.{ord(name[0])}.{at // 250}.{at % 250}"}
        requests.append(load.post(ours.port, f"/en/letters/{code}", form | bring(code, email), network))
    return ours.answer(requests, status=status)


def _nothing(_code: str, _email: str) -> dict[str, str]:
    return {}


def _ticket(keys: ServerKeys, code: str, email: str) -> dict[str, str]:
    given = SYSTEM_CLOCK() - timedelta(seconds=TICKET_SECONDS + 1)
    return {"ticket": proof_of_work.ticket(keys.proof, f"{code}\0{email}".encode(), now=given)}


def _answer(keys: ServerKeys) -> dict[str, str]:
    challenge = altcha.Challenge.from_dict(json.loads(proof_of_work.puzzle(keys.proof, now=SYSTEM_CLOCK())))
    solution = altcha.solve_challenge(challenge)
    assert solution is not None
    return {"altcha": altcha.Payload(challenge, solution).to_base64()}


if __name__ == "__main__":
    main()
