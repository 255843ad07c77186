"""Web processes and mail workers in any number on one PostgreSQL: speed and exactness.

Run ``python -m tests.bench.processes [SIGNATURES]``. PostgreSQL has its default settings, with fsync, and
holds the queue too; each run has a database of its own. First all sign, then the workers send the
waiting mails, then all confirm, and finally all three go on at the same time. Meanwhile PostgreSQL is
asked a hundred times a second what its sessions wait for: "Lock" is a session that waits for another's row.
Afterwards each mailbox must have got its mail once, and the counts must equal the rows.

With as few cores as here everything shares them, so more processes cannot be much faster: what is shown is
that none waits for another, which the processor time of each signature tells.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from campaign.reference.participating_state import STATES
from campaign.signature import count
from campaign.signature.recount import compare
from tests.bench import home, load, report, server, site
from tests.bench.post_office import PostOffice, post_office
from tests.bench.server import Server
from tests.bench.sign import OURS
from tests.bench.site import MadeSite
from tests.faults.serving import COMMAND, FORM
from tests.support.worker import meanwhile

SIGNATURES = 5_000

RUNS = ((1, 1), (2, 2), (4, 3))
"""Web processes and mail workers."""

CONNECTIONS = 64

PATIENCE_SECONDS = 300

WAITS = "SELECT wait_event_type FROM pg_stat_activity WHERE datname = %s AND state <> 'idle' AND pid <> %s"

Waits = Counter[str]


@dataclass
class Run:
    """One set of processes at work."""

    web: Server
    made: MadeSite
    office: PostOffice
    name: str
    signed: int = 0
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def forms(self, number: int) -> list[bytes]:
        """Return *number* forms that were not sent yet."""
        codes = list(STATES)
        numbers = range(self.signed, self.signed + number)
        self.signed += number
        return [
            load.post(
                self.web.port,
                f"/en/letters/{codes[at % len(codes)]}",
                FORM | {"email": f"mara@house{at}.example"},
            )
            for at in numbers
        ]

    def confirmations(self, number: int) -> list[bytes]:
        """Return what confirms *number* signatures whose mails came."""
        tokens = self.office.taken(number)
        return [load.post(self.web.port, f"/en/signature/{token}", {"action": "confirm"}) for token in tokens]

    def post(self, requests: list[bytes]) -> int:
        """Send *requests*; return how many they were."""
        if requests:
            load.drive(self.web.port, requests, status=303, connections=min(CONNECTIONS, len(requests)))
        return len(requests)

    def busy_seconds(self) -> float:
        """Return the processor time of all web processes, workers and sessions of PostgreSQL's."""
        processes = [*server.family(self.web.process.pid), *home.backends(self.name)]
        return sum(map(server.busy_seconds, processes + [each.pid for each in self.workers]))


def main() -> None:
    """Let each set of processes do the same."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SIGNATURES
    names = [f"with_{web}_and_{workers}" for web, workers in RUNS]
    with home.homes(*names, is_postgresql=True) as urls:
        how = f"PostgreSQL with fsync, queue included; {CONNECTIONS} connections; nothing pinned"
        report.heading("Many processes on one PostgreSQL", f"{number:,} signatures; {how}")
        for (web, workers), name, url in zip(RUNS, names, urls, strict=True):
            print(f"  {web} web, {workers} mail", flush=True)
            with _running(url, name, web) as run:
                _measure(run, number, workers)


@contextmanager
def _running(url: str, name: str, processes: int) -> Iterator[Run]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        office = stack.enter_context(post_office())
        made = site.make(folder / "instance", url)
        made.environment["CAMPAIGN_SMTP_URL"] = office.url
        serving = server.serving(OURS, made.environment, folder / "log", processes=processes, is_pinned=False)
        run = Run(stack.enter_context(serving), made, office, name)
        stack.callback(_end, run)
        yield run


def _measure(run: Run, number: int, workers: int) -> None:
    run.post(run.forms(200))  # warm-up
    _phase("signatures", run, lambda: run.post(run.forms(number)))
    _phase("mails", run, lambda: _send(run, workers))
    _phase("confirmations", run, lambda: run.post(run.confirmations(run.signed)))
    _phase("both at once, and mails", run, lambda: _all_at_once(run, number // 2))
    run.office.wait_for(run.signed, PATIENCE_SECONDS)
    run.post(run.confirmations(run.signed))
    _check(run)


def _send(run: Run, workers: int) -> int:
    """Start the workers, and wait until all mails came; return how many."""
    environment = os.environ | run.made.environment
    run.workers += [subprocess.Popen([*COMMAND, "work"], env=environment) for _ in range(workers)]
    run.office.wait_for(run.signed, PATIENCE_SECONDS)
    return run.signed


def _all_at_once(run: Run, number: int) -> int:
    forms, done = run.forms(number), 0
    signing = threading.Thread(target=run.post, args=[forms])
    signing.start()
    while signing.is_alive() or len(run.office.recipients) < run.signed:
        done += run.post(run.confirmations(CONNECTIONS * 4))
        time.sleep(0.01)
    signing.join()
    return number + done


def _phase(name: str, run: Run, act: Callable[[], int]) -> None:
    with _watching(run) as waits:
        busy, began = run.busy_seconds(), time.perf_counter()
        number = act()
        seconds, busy = time.perf_counter() - began, run.busy_seconds() - busy
    asked = waits.pop("asked")
    told = ", ".join(f"{kind} {found / asked:.2f}" for kind, found in waits.most_common())
    each = f"{busy / number * 1000:5.2f} ms of processor time each"
    print(f"    {name:<24} {number / seconds:>7,.0f} a second, {each}; waiting: {told or 'none'}", flush=True)


@contextmanager
def _watching(run: Run) -> Iterator[Waits]:
    """Count, a hundred times a second, what sessions at work wait for."""
    waits: Waits = Counter(asked=0)
    address = make_url(run.made.environment["CAMPAIGN_DATABASE_URL"]).set(drivername="postgresql")

    def watch(over: threading.Event) -> None:
        with psycopg.connect(address.render_as_string(hide_password=False), autocommit=True) as connection:
            while not over.wait(0.01):
                rows = connection.execute(WAITS, (run.name, connection.info.backend_pid)).fetchall()
                waits.update(kind for (kind,) in rows if kind not in {None, "Client"})
                waits["asked"] += 1

    with meanwhile(watch):
        yield waits


def _check(run: Run) -> None:
    database = run.made.database()
    with database.session(writes=True) as db:
        counted, differences = count.total(db), compare(db)
    database.close()
    twice = [mailbox for mailbox, number in Counter(run.office.recipients).items() if number > 1]
    if counted != run.signed or differences or twice:
        raise SystemExit(f"{run.signed} confirmed, {counted} count; {differences}; {len(twice)} mails twice")
    print(f"    {counted:,} confirmed and counted, equal to the rows; no mail came twice")


def _end(run: Run) -> None:
    for each in run.workers:
        each.terminate()
    for each in run.workers:
        each.wait()


if __name__ == "__main__":
    main()
