"""A flood of 5,000 made-up signatures while 20 people sign, from 50 networks and from one.

Run ``python -m tests.bench.flood [SIGNATURES]``. It waits for tickets in real time, so it takes minutes.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.bench import report
from tests.faults.flooding import flood, live, people
from tests.faults.serving import serving
from tests.support.relay import relay

SIGNATURES, PEOPLE, DOMAINS, SOLVING = 5_000, 20, 5, 50


def main() -> None:
    """Run both floods, and print how many signatures counted."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SIGNATURES
    report.heading(
        f"{number:,} made-up signatures while {PEOPLE} people sign",
        f"the flood has {DOMAINS} domains that take every address, follows every link it is mailed,"
        f" and solves {SOLVING} puzzles",
    )
    for networks in (50, 1):
        _flood(number, networks)


def _flood(number: int, networks: int) -> None:
    made_up = flood(number, networks=networks, domains=DOMAINS, name="m", solving=SOLVING)
    borrowed = [made_up[0].network, made_up[1].network] if networks > 1 else []
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as name,
        relay() as mails,
        serving(Path(name), smtp_url=mails.url, trusted_proxies="1", unlimited_networks="") as site,
    ):
        outcome = live(site, mails, made_up, people(PEOPLE, borrowed), is_patient=True)
    counted = outcome.counted - PEOPLE
    seconds = sorted(page.seconds for page in outcome.pages)
    statuses = {page.status for page in outcome.pages}
    print(f"  from {networks} network{'s' * (networks > 1)} ({time.monotonic() - began:.0f} s)")
    print(
        f"    all {PEOPLE} people were counted; of the flood {counted} of {number:,} ({counted / number:.1%})"
    )
    print(f"    the flood's last answers: {dict(outcome.signed)}; held: {dict(outcome.held)}")
    print(
        f"    meanwhile {len(seconds)} letters were read, answered {statuses}: half within"
        f" {seconds[len(seconds) // 2] * 1000:.0f} ms, the slowest in {seconds[-1] * 1000:.0f} ms"
    )


if __name__ == "__main__":
    main()
