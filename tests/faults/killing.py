"""Web server and mail worker killed at any instruction while a crowd signs, and what is there afterwards.

Run ``python -m tests.faults.killing [SIGNATURES] [KILLS] [--postgresql] [--seed=NUMBER]``, by default 5,000
and 30 in SQLite. It says what it found, and ends with status 1 if anything was lost, miscounted or repeated.
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
from tests.faults.aftermath import Aftermath, tell
from tests.faults.cluster import cluster
from tests.faults.crowd import Crowd
from tests.faults.serving import UNREACHED, Server
from tests.support.relay import relay
from tests.support.worker import eventually

SIGNATURES, KILLS = 5_000, 30

COMMANDS = {"web": "serve", "worker": "work"}
"""The processes that die alone, by what they run."""

DEATHS = ("everything", "a start", *COMMANDS)

RELAY_SECONDS = 0.005
"""What the relay takes for a mail, so that most deaths find one in hand."""

YOUNG_SECONDS = 1.2
"""Within these a start ends, and so does the life of a process that is killed while it starts."""

MOMENT_SECONDS = 0.05
"""How far a death may lie from the acknowledgement before it."""

PATIENCE_SECONDS = 300
"""How long a slow machine may take for what must happen next."""


@contextmanager
def killed(
    folder: Path, moments: random.Random, *, signatures: int, kills: int, **settings: str
) -> Iterator[Aftermath]:
    """Let a crowd sign, kill again and again, and give what is there once everything was sent and read."""
    with relay() as post_office:
        site = Server(folder, smtp_url=post_office.url, **settings)
        crowd = Crowd(site, post_office, wanted=signatures)
        post_office.seconds_per_message = RELAY_SECONDS
        database = Database(site.environment.get("CAMPAIGN_DATABASE_URL") or f"sqlite:///{site.sqlite}")
        try:
            site.start()
            with crowd.at_work():
                fate = Fate(site, crowd, database, moments)
                deaths = fate.strike(kills)
                assert eventually(lambda: crowd.has_signed(signatures), PATIENCE_SECONDS)
                assert eventually(lambda: is_over(fate), PATIENCE_SECONDS)
            yield Aftermath(crowd, site, database, deaths)
        finally:
            site.kill()
            database.close()


@dataclass(frozen=True)
class Fate:
    """Strikes when nobody expects it."""

    site: Server
    crowd: Crowd
    database: Database
    moments: random.Random

    def strike(self, times: int) -> Counter[str]:
        """Kill something again and again while the crowd signs; return how often what was killed."""
        deaths: Counter[str] = Counter()
        deck: list[str] = []
        for reached in sorted(self.moments.choices(range(1, self.crowd.wanted), k=times)):
            assert eventually(lambda reached=reached: self.crowd.has_signed(reached), PATIENCE_SECONDS)
            time.sleep(self.moments.random() * MOMENT_SECONDS)
            deck = deck or self.moments.sample(DEATHS, k=len(DEATHS))
            what = deck.pop()
            if what in COMMANDS:
                self._kill_one(COMMANDS[what])
            else:
                self._kill_everything(again=what == "a start")
            deaths[what] += 1
        return deaths

    def let_minutes_pass(self) -> None:
        """Free the mails that a killed worker held: its lease would end by itself."""
        with self.database.writing() as db:
            db.execute(update(OutboxMail).values(claimed_until=None))

    def _kill_everything(self, *, again: bool) -> None:
        self.site.kill()
        if again:
            self.site.launch()
            time.sleep(self.moments.random() * YOUNG_SECONDS)
            self.site.kill()
        self.let_minutes_pass()
        self.site.start()

    def _kill_one(self, command: str) -> None:
        """Kill one process of the site, and wait until another one is in its place."""
        assert eventually(lambda: self.site.child(command), PATIENCE_SECONDS)
        number = self.site.child(command)
        os.kill(number, signal.SIGKILL)
        assert eventually(lambda: self.site.child(command) != number)
        if command == "work":
            self.let_minutes_pass()
        assert eventually(lambda: self.site.has_ended or is_whole(self.site), PATIENCE_SECONDS)
        if self.site.has_ended:
            # A web process that dies twice within seconds makes the server give up; systemd would start it.
            self.site.kill()
            self.site.start()


def is_whole(site: Server) -> bool:
    try:
        is_answered = site.browser().get("/healthz").status == 200
    except UNREACHED:
        return False
    return is_answered and bool(site.child("work"))


def is_over(fate: Fate) -> bool:
    """Say whether all is sent and read; otherwise wake the worker by signing once more."""
    with fate.database.reading() as db:
        is_sent = db.scalar(select(OutboxMail.id).limit(1)) is None
    if is_sent and fate.crowd.has_followed_all():
        return True
    if not is_sent:
        fate.crowd.sign(fate.site.browser())
    time.sleep(1)
    return False


def main() -> int:
    """Kill, and say what was found."""
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
        with killed(Path(folder), moments, signatures=signatures, kills=kills, **settings) as aftermath:
            return tell(aftermath, time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
