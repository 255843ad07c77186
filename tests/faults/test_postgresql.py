"""The site answers 503 while PostgreSQL is down or cuts connections, and recovers by itself."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import pytest

from campaign.database.session import Database
from tests.faults.cluster import Cluster, cluster
from tests.faults.crowd import Crowd
from tests.faults.killing import TIMEOUT_SECONDS, Killer, all_is_sent_and_read
from tests.faults.reconciliation import Reconciliation
from tests.faults.serving import Answer, Server, mail_to, serving
from tests.support.relay import Relay, relay
from tests.support.worker import eventually

pytestmark = pytest.mark.fault

SIGNATURES = 120

CUTS = 5
"""Number of cuts of all connections before the server is stopped, and again before its crash."""


@dataclass(frozen=True)
class Installation:
    """A site with its PostgreSQL server and its relay."""

    site: Server
    cluster: Cluster
    post_office: Relay

    def processes(self) -> dict[str, int]:
        return {command: self.site.child(command) for command in ("serve", "work")}

    def has_mail(self, address: str) -> bool:
        """Wait for a mail to *address*: a worker whose connection was cut too may take a minute."""
        return eventually(lambda: address in self.post_office.recipients, TIMEOUT_SECONDS)

    def is_up_again(self) -> bool:
        return self.site.browser().get("/healthz").status == 200


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("site")
    with (
        cluster() as own,
        relay() as post_office,
        serving(folder, smtp_url=post_office.url, database_url=own.url) as site,
    ):
        yield Installation(site, own, post_office)


def is_unavailable(answer: Answer) -> bool:
    return answer.status == 503 and int(answer.headers["Retry-After"]) > 0


def cut_while_it_waits(own: Cluster, table: str, act: Callable[[], Answer]) -> Answer:
    """Return the answer to *act* when its connection is cut while it waits for a lock on *table*."""
    with ThreadPoolExecutor(1) as other, own.connect() as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        acting = other.submit(act)
        # Other connections, such as the worker's, may wait too.
        assert eventually(lambda: own.cut("wait_event_type = 'Lock'") >= 0 and acting.done())
    return acting.result()


@pytest.mark.parametrize("table", ["signature", "outbox"])
def test_signing_whose_connection_is_cut_is_answered_503_and_the_next_time_it_succeeds(
    installation: Installation, table: str
) -> None:
    browser, address = installation.site.browser(), f"{table}@example.org"
    answer = cut_while_it_waits(installation.cluster, table, lambda: browser.sign(email=address))
    assert is_unavailable(answer)

    assert browser.sign(email=address).is_done
    assert installation.has_mail(address)


def test_confirming_whose_connection_is_cut_is_answered_503_and_the_next_time_it_succeeds(
    installation: Installation,
) -> None:
    browser = installation.site.browser()
    assert browser.sign(email="mara@example.org").is_done
    assert installation.has_mail("mara@example.org")
    token = mail_to(installation.post_office, "mara@example.org")
    answer = cut_while_it_waits(installation.cluster, "day_count", lambda: browser.act(token, "confirm"))
    assert is_unavailable(answer)

    assert browser.act(token, "confirm").is_done


def test_a_server_that_stops_or_crashes_costs_nothing_that_was_acknowledged_and_no_restart_of_ours(
    installation: Installation,
) -> None:
    site, own = installation.site, installation.cluster
    before = installation.processes()
    crowd = Crowd(site, installation.post_office, wanted=SIGNATURES)
    with closing(Database(own.url)) as database:
        killer = Killer(site, crowd, database, random.Random())  # noqa: S311
        troubles: Counter[str] = Counter()
        with crowd.at_work():
            for how in (signal.SIGINT, signal.SIGQUIT):
                for _ in range(CUTS):
                    wait_for(crowd, SIGNATURES // 15)
                    troubles["cut"] += bool(own.cut())
                own.stop(how)
                assert is_unavailable(site.browser().sign(email="nobody@example.org"))
                # For a second pages come from the cache.
                assert eventually(lambda: is_unavailable(site.browser().get("/en/letters/de")))
                assert site.browser().get("/healthz").status == 503
                own.start()
                assert eventually(installation.is_up_again)
                troubles[how.name] += 1
            # Mails may have been claimed in a commit whose success the worker did not learn.
            killer.expire_leases()
            assert eventually(lambda: crowd.has_signed(SIGNATURES), TIMEOUT_SECONDS)
            assert eventually(lambda: all_is_sent_and_read(killer), TIMEOUT_SECONDS)
        found = Reconciliation(crowd, site, database, troubles)
        assert not crowd.faults
        assert crowd.refused
        assert not found.lost_signatures()
        assert not found.without_mail()
        assert not found.lost_confirmations()
        assert not found.lost_withdrawals()
        assert not found.miscounts()
        assert found.repeated_mails() <= found.kills
    assert installation.processes() == before


def wait_for(crowd: Crowd, more: int) -> None:
    """Wait until *more* further signatures were acknowledged."""
    reached = len(crowd.signed) + more
    assert eventually(lambda: crowd.has_signed(min(reached, crowd.wanted)), TIMEOUT_SECONDS)
    time.sleep(random.random() * 0.05)  # noqa: S311 - no secret
