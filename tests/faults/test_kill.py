"""Web server and mail worker killed at any instruction between signing, the mail, and confirming."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, update

from campaign import seal
from campaign.database import Database, recall
from campaign.mail.outbox import OutboxMail
from campaign.seal import ServerKeys
from campaign.signature import Signature
from tests.faults.serving import UNREACHED, Server, token_in
from tests.relay import Relay, relay
from tests.worker import eventually

pytestmark = pytest.mark.fault

FEWEST_KILLS, MOST_KILLS = 4, 8

KILLING_SECONDS = 6
"""After this a slow machine has seen enough."""

SIGNING = 3
"""Supporters who sign at once, each again and again."""

STATES = ("de", "fr", "kz")

YOUNG_SECONDS = 0.8
"""How long every second life is at most; mails leave only in the longer ones."""

MAILS_IN_A_LIFE = 12
"""How many mails leave at most in the other ones, while earlier ones are being confirmed."""


class Crowd:
    """Supporters who sign and confirm without a pause, and remember what they were told."""

    def __init__(self, site: Server, post_office: Relay) -> None:
        self.site = site
        self.post_office = post_office
        self.signed: list[tuple[str, str]] = []
        """State and address of every signature that was acknowledged."""
        self.confirmed: set[str] = set()
        """The addresses whose confirmation was acknowledged."""
        self.faults: list[str] = []
        self.deaths = 0
        self._stop = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._sign, args=[number]) for number in range(SIGNING)]
        threads.append(threading.Thread(target=self._confirm))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _sign(self, supporter: int) -> None:
        browser, number = self.site.browser(), 0
        while not self._stop.is_set():
            number += 1
            state, address = STATES[supporter % len(STATES)], f"mara{supporter}.{number}@example.org"
            try:
                answer = browser.sign(state, email=address)
            except UNREACHED:
                self._stop.wait(0.05)
                continue
            if answer.is_done:
                self.signed.append((state, address))
            elif answer.status != 503:
                self.faults.append(f"signing was answered {answer.status}")
            self._stop.wait(0.02)

    def _confirm(self) -> None:
        browser = self.site.browser()
        while not self._stop.is_set():
            for mail in list(self.post_office.received):
                address = str(mail["To"])
                if address in self.confirmed or self._stop.is_set():
                    continue
                try:
                    answer = browser.act(token_in(mail), "confirm")
                except UNREACHED:
                    break
                if answer.is_done:
                    self.confirmed.add(address)
                elif answer.status != 503:
                    self.faults.append(f"confirming was answered {answer.status}")
            self._stop.wait(0.02)


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Crowd, ServerKeys, Database]]:
    """Kill everything again and again under a crowd; then let what waits be sent."""
    with relay() as post_office:
        site = Server(tmp_path_factory.mktemp("site"), smtp_url=post_office.url)
        crowd, seed = Crowd(site, post_office), random.randrange(1_000_000)  # noqa: S311 - no secret
        print(f"seed {seed}")
        # So slow that at every death a mail is in hand, and some wait.
        post_office.seconds_per_message = 0.02
        moments = random.Random(seed)  # noqa: S311
        try:
            site.start()
            with crowd.at_work():
                end = time.monotonic() + KILLING_SECONDS
                while crowd.deaths < MOST_KILLS and (crowd.deaths < FEWEST_KILLS or time.monotonic() < end):
                    live(crowd, moments, is_young=crowd.deaths % 2 == 1)
                    site.kill()
                    crowd.deaths += 1
                    site.start()
            post_office.seconds_per_message = 0
            database = Database(f"sqlite:///{site.instance / 'campaign.sqlite'}")
            assert eventually(lambda: is_sent(database, site), 60)
            yield crowd, keys_of(database, site.instance), database
            database.close()
        finally:
            site.kill()


def live(crowd: Crowd, moments: random.Random, *, is_young: bool) -> None:
    """Let the site live until a moment at which nobody expects its death."""
    if is_young:
        time.sleep(moments.random() * YOUNG_SECONDS)
        return
    reached = len(crowd.post_office.received) + moments.randrange(1, MAILS_IN_A_LIFE)
    assert eventually(lambda: len(crowd.post_office.received) >= reached)
    time.sleep(moments.random() * 0.05)


def is_sent(database: Database, site: Server) -> bool:
    """Let two minutes pass for mails that a killed worker held, wake the worker, and say whether all left."""
    with database.reading() as db:
        if db.scalar(select(OutboxMail.id).limit(1)) is None:
            return True
    with database.writing() as db:
        db.execute(update(OutboxMail).values(claimed_until=None))
    assert site.browser().sign(email=f"waker{time.monotonic_ns()}@example.org").is_done
    time.sleep(1)
    return False


def keys_of(database: Database, instance: Path) -> ServerKeys:
    with database.reading() as db:
        salt = recall(db, "digest_salt")
    return ServerKeys.from_secret((instance / "secret_key").read_text().strip(), bytes.fromhex(salt or ""))


Aftermath = tuple[Crowd, ServerKeys, Database]


def test_the_crowd_met_nothing_but_a_server_that_was_gone(aftermath: Aftermath) -> None:
    crowd = aftermath[0]

    assert not crowd.faults
    assert len(crowd.signed) > 10 * crowd.deaths
    assert len(crowd.confirmed) > crowd.deaths


def test_every_signature_that_was_acknowledged_has_its_row(aftermath: Aftermath) -> None:
    crowd, keys, database = aftermath
    with database.reading() as db:
        kept = set(db.scalars(select(Signature.digest)))

    lost = [each for each in crowd.signed if seal.address_digest(keys, *each) not in kept]
    assert not lost


def test_every_signature_that_was_acknowledged_got_its_mail(aftermath: Aftermath) -> None:
    crowd = aftermath[0]
    arrived = Counter(str(mail["To"]) for mail in crowd.post_office.received)

    assert {address for _state, address in crowd.signed} <= set(arrived)
    assert sum(arrived.values()) - len(arrived) <= crowd.deaths, "each death repeats one mail at most"
    identities = {(str(mail["To"]), str(mail["Message-ID"])) for mail in crowd.post_office.received}
    assert len(identities) == len(arrived), "a mailbox can tell a repeated mail"


def test_every_confirmation_that_was_acknowledged_counts(aftermath: Aftermath) -> None:
    crowd, keys, database = aftermath
    confirmed = select(Signature.digest).where(Signature.confirmed_on.is_not(None))
    with database.reading() as db:
        counting = set(db.scalars(confirmed))
    possible = {seal.address_digest(keys, state, address) for state in STATES for address in crowd.confirmed}

    assert len(counting & possible) == len(crowd.confirmed)
    # Each death leaves at most the one that was being confirmed: on disk, but not told.
    assert len(counting - possible) <= crowd.deaths


def test_the_counts_equal_the_rows(aftermath: Aftermath) -> None:
    crowd, _keys, database = aftermath
    with database.reading() as db:
        rows = len(db.scalars(select(Signature.id).where(Signature.confirmed_on.is_not(None))).all())

    assert crowd.site.browser().total() == rows
    recounted = crowd.site.run("recount")
    assert (recounted.returncode, recounted.stdout) == (0, "The counts equal the rows.\n")
