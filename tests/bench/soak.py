"""A long run: does any process grow, leak files, or count wrongly in the end?

Run ``python -m tests.bench.soak [SIGNATURES]``, by default 200,000. The site runs as ``campaign serve`` runs
it, with SQLite and its mail worker. Each signature is sent as a form, its mail comes to a relay on loopback,
and its link is confirmed; readers look at pages meanwhile, and some withdraw. Memory and open files of each
process are noted a hundred times, and printed by fifths. Flat means that the last fifth is at most a tenth
above the second; the first one is warm-up.
"""

import statistics
import sys
import tempfile
import time
from collections import defaultdict
from itertools import cycle, islice
from pathlib import Path
from urllib.request import urlopen

from campaign.database.session import Database
from campaign.reference.participating_state import STATES
from campaign.signature import count
from campaign.signature.recount import compare
from tests.bench import load, report
from tests.bench.post_office import PostOffice, post_office
from tests.faults.serving import FORM, Server, serving
from tests.support.private_page import press

SIGNATURES, LOOKS = 200_000, 100

MOST_GROWTH = 1.1

BEHIND = 3_000
"""Waiting mails at which signing pauses: the worker is slower than a form that is posted."""

PATIENCE_SECONDS = 600

PAGES = (
    "/en/letters/de",
    "/en/",
    "/en/progress",
    "/counts.json",
    "/healthz",
    "/metrics",
    "/en/letters/fr.pdf",
)

Look = tuple[float, int]
"""Resident memory in MiB, and open files."""


class Soak:
    """One site under a crowd, and what was seen of its processes."""

    def __init__(self, site: Server, office: PostOffice) -> None:
        self.site = site
        self.office = office
        self.signed = self.confirmed = self.withdrawn = 0
        self.looks: dict[str, list[Look]] = defaultdict(list)

    def go_on(self, number: int) -> None:
        """Sign *number* times, confirm what mails came, let some withdraw and many read."""
        port, codes = self.site.port, islice(cycle(STATES), self.signed, None)
        forms = [
            load.post(port, f"/en/letters/{code}", FORM | {"email": f"mara@house{at}.example"})
            for at, code in zip(range(self.signed, self.signed + number), codes, strict=False)
        ]
        load.drive(port, forms, status=303)
        self.signed += number
        self.confirm(self.office.taken(self.signed))
        load.drive(port, [load.get(port, page, {}) for page in PAGES] * 10, status=200)
        self.office.wait_for(self.signed - BEHIND, PATIENCE_SECONDS)

    def confirm(self, tokens: list[str]) -> None:
        self._act(tokens, "confirm")
        self._act(tokens[::100], "withdraw")
        self.confirmed += len(tokens)
        self.withdrawn += len(tokens[::100])

    def finish(self) -> None:
        """Wait for the last mails, and confirm what they ask for."""
        self.office.wait_for(self.signed, PATIENCE_SECONDS)
        self.confirm(self.office.taken(self.signed))

    def look(self) -> None:
        """Record the memory and open files of each process."""
        for number in self.site.processes():
            line = Path(f"/proc/{number}/cmdline").read_bytes()
            kind = (
                "mail worker"
                if b"\0work\0" in line
                else "started it all"
                if number == self.site.leader
                else ""
            )
            pages = int(Path(f"/proc/{number}/statm").read_text().split()[1])
            files = len(list(Path(f"/proc/{number}/fd").iterdir()))
            self.looks[f"{kind or 'web process'} {number}"].append((pages * 4096 / 2**20, files))

    def _act(self, tokens: list[str], action: str) -> None:
        port = self.site.port
        links = [f"/en/signature/{token}" for token in tokens]
        acts = [load.post(port, link, self._sent(link, action)) for link in links]
        for part in (acts[at : at + 1000] for at in range(0, len(acts), 1000)):
            load.drive(port, part, status=303, connections=min(len(part), load.CONNECTIONS))

    def _sent(self, link: str, action: str) -> dict[str, str]:
        if action == "confirm":  # needs no page while the link opens one signature
            return {"action": action}
        with urlopen(f"http://127.0.0.1:{self.site.port}{link}", timeout=60) as page:
            return press(page.read().decode(), action)


def main() -> None:
    """Run, and report whether all stayed flat and exact."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SIGNATURES
    with (
        tempfile.TemporaryDirectory() as name,
        post_office() as office,
        serving(Path(name), smtp_url=office.url) as site,
    ):
        began, soak = time.monotonic(), Soak(site, office)
        for _ in range(LOOKS):
            soak.go_on(number // LOOKS)
            soak.look()
            print(".", end="", file=sys.stderr, flush=True)
        soak.finish()
        print(file=sys.stderr)
        seconds = time.monotonic() - began
        report.heading(
            "A soak", f"{number:,} signatures in {seconds:,.0f} s; SQLite; web and worker", report.SQLITE
        )
        faults = [fault for name, looks in soak.looks.items() for fault in told(name, looks)]
        faults += counted(soak, _database(site))
    if faults:
        raise SystemExit("\n".join(faults))


def told(name: str, looks: list[Look]) -> list[str]:
    """Print the memory and files of one process; return what is wrong with it."""
    if len(looks) < LOOKS:
        return [f"{name} lived for {len(looks)} of {LOOKS} looks only"]
    faults = []
    memory, files = zip(*looks, strict=True)
    # Of the files the most: connections that the crowd has just closed are among them, or are not.
    for what, series, of in (("MiB", memory, statistics.median), ("open files", files, max)):
        fifths = [of(series[at : at + LOOKS // 5]) for at in range(0, LOOKS, LOOKS // 5)]
        growth = fifths[-1] / fifths[1]
        middles = " ".join(f"{each:7.1f}" for each in fifths)
        print(
            f"  {name:<22} {what:<10} {middles}   ({growth:.2f} × after warm-up), at most {max(series):.1f}"
        )
        if growth > MOST_GROWTH:
            faults.append(f"{name} grew: {what} {fifths[1]:.1f} to {fifths[-1]:.1f}")
    return faults


def counted(soak: Soak, database: Database) -> list[str]:
    """Print whether all acknowledged acts are in the database; return the missing ones."""
    with database.writing() as db:
        total, differences = count.total(db), compare(db)
    database.close()
    mails, expected = soak.office.recipients, soak.confirmed - soak.withdrawn
    twice = len(mails) - len(set(mails))
    acknowledged = f"{soak.signed:,} signed, {soak.confirmed:,} confirmed, {soak.withdrawn:,} withdrawn"
    print(f"  {acknowledged}; {total:,} count")
    print(f"  {len(mails):,} mails, of which {twice} came twice; {len(differences)} differences")
    is_right = (total, soak.confirmed, twice, differences) == (expected, soak.signed, 0, [])
    return [] if is_right else ["the counts or the mails are not what was acknowledged"]


def _database(site: Server) -> Database:
    return Database(f"sqlite:///{site.instance / 'campaign.sqlite'}")


if __name__ == "__main__":
    main()
