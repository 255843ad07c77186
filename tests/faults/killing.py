"""Kill web server and mail worker at random moments while a crowd signs, and check what is left.

Run ``python -m tests.faults.killing [SIGNATURES] [KILLS] [--postgresql] [--seed=NUMBER]``, by default 5,000
and 30 on SQLite. The exit status is 1 if anything was lost, miscounted or repeated.
"""

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, update

from campaign.database.session import Database
from campaign.mail.outbox import OutboxMail
from tests.faults.cluster import cluster
from tests.faults.crowd import Crowd
from tests.faults.reconciliation import Reconciliation, report
from tests.faults.serving import UNREACHED, Server
from tests.support.relay import relay
from tests.support.worker import eventually

SIGNATURES, KILLS = 5_000, 30

COMMANDS = {"web": "serve", "worker": "work"}
"""Processes that are killed alone, by name, with their command."""

TARGETS = ("everything", "a start", *COMMANDS)

RELAY_SECONDS = 0.005
"""Time of the relay for a mail, so that most kills happen while one is being sent."""

STARTING_SECONDS = 0.3
"""Upper bound for the moment at which a starting site is killed: a forked one listens after 0.27 seconds."""

SPREAD_SECONDS = 0.05
"""Upper bound for the time from an acknowledgement to the kill."""

TIMEOUT_SECONDS = 300
"""Upper bound of a wait on a busy machine."""


@contextmanager
def kill_repeatedly(
    folder: Path, moments: random.Random, *, signatures: int, kills: int, **settings: str
) -> Iterator[Reconciliation]:
    """Kill processes while a crowd signs; give the result when every mail was sent and read."""
    with relay() as post_office:
        site = Server(folder, smtp_url=post_office.url, **settings)
        crowd = Crowd(site, post_office, wanted=signatures)
        post_office.seconds_per_message = RELAY_SECONDS
        database = Database(site.environment.get("CAMPAIGN_DATABASE_URL") or f"sqlite:///{site.sqlite}")
        try:
            site.start()
            with crowd.at_work():
                killer = Killer(site, crowd, database, moments)
                deaths = killer.kill(kills)
                assert eventually(lambda: crowd.has_signed(signatures), TIMEOUT_SECONDS)
                assert eventually(lambda: all_is_sent_and_read(killer), TIMEOUT_SECONDS)
            yield Reconciliation(crowd, site, database, deaths)
        finally:
            site.kill()
            database.close()


@dataclass(frozen=True)
class Killer:
    """Kills processes of a site at random moments."""

    site: Server
    crowd: Crowd
    database: Database
    moments: random.Random

    def kill(self, times: int) -> Counter[str]:
        """Kill random targets while the crowd signs; return the number of kills by target."""
        deaths: Counter[str] = Counter()
        remaining: list[str] = []
        for reached in sorted(self.moments.choices(range(1, self.crowd.wanted), k=times)):
            assert eventually(lambda reached=reached: self.crowd.has_signed(reached), TIMEOUT_SECONDS)
            time.sleep(self.moments.random() * SPREAD_SECONDS)
            remaining = remaining or self.moments.sample(TARGETS, k=len(TARGETS))
            what = remaining.pop()
            if what in COMMANDS:
                self._kill_one(COMMANDS[what])
            else:
                self._kill_everything(again=what == "a start")
            deaths[what] += 1
        return deaths

    def expire_leases(self) -> None:
        """End the leases of a killed worker's mails, as time would."""
        with self.database.writing() as db:
            db.execute(update(OutboxMail).values(claimed_until=None))

    def _kill_everything(self, *, again: bool) -> None:
        self.site.kill()
        if again:
            self.site.launch()
            time.sleep(self.moments.random() * STARTING_SECONDS)
            self.site.kill()
        self.expire_leases()
        self.site.start()

    def _kill_one(self, command: str) -> None:
        """Kill one process of the site, and wait until another one is in its place."""
        assert eventually(lambda: self.site.child(command), TIMEOUT_SECONDS)
        number = self.site.child(command)
        os.kill(number, signal.SIGKILL)
        assert eventually(lambda: self.site.child(command) != number)
        if command == "work":
            self.expire_leases()
        assert eventually(lambda: self.site.has_ended or is_whole(self.site), TIMEOUT_SECONDS)
        if self.site.has_ended:
            # The server ends when its web process dies twice within seconds; systemd would start it again.
            self.site.kill()
            self.site.start()


def is_whole(site: Server) -> bool:
    try:
        is_answered = site.browser().get("/healthz").status == 200
    except UNREACHED:
        return False
    return is_answered and bool(site.child("work"))


def all_is_sent_and_read(killer: Killer) -> bool:
    """Return whether every mail was sent and read; if not, sign once more, which wakes the worker."""
    with killer.database.reading() as db:
        is_sent = db.scalar(select(OutboxMail.id).limit(1)) is None
    if is_sent and killer.crowd.has_followed_all():
        return True
    if not is_sent:
        killer.crowd.sign(killer.site.browser())
    time.sleep(1)
    return False


def main() -> int:
    """Run the command; return its exit status."""
    numbers = [int(each) for each in sys.argv[1:] if each.isdecimal()]
    signatures, kills = [*numbers, *(SIGNATURES, KILLS)[len(numbers) :]][:2]
    seeds = [each.partition("=")[2] for each in sys.argv if each.startswith("--seed=")]
    seed = int(seeds[0]) if seeds else random.randrange(1_000_000)  # noqa: S311 - no secret
    server = cluster() if "--postgresql" in sys.argv else nullcontext()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, server as own:
        settings = {"database_url": own.url} if own else {}
        moments = random.Random(seed)  # noqa: S311
        print(f"{signatures:,} signatures, {kills} kills, seed {seed}", flush=True)
        with kill_repeatedly(Path(folder), moments, signatures=signatures, kills=kills, **settings) as found:
            return report(found, time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
