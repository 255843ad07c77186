"""Two sites on one database, as on two machines or by mistake: nothing is done twice."""

import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from campaign.database.session import Database
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.model import Signature
from campaign.signature.recount import compare
from campaign.worker.job import Run, erase_due
from tests.conftest import NOW
from tests.faults.serving import Server, mail_to, serving
from tests.support.factories import TODAY, make_signature
from tests.support.relay import relay
from tests.support.worker import eventually

pytestmark = pytest.mark.fault

PEOPLE = 24


def test_two_sites_on_one_database_send_no_mail_twice_and_count_alike(tmp_path: Path) -> None:
    with relay() as post_office, serving(tmp_path, smtp_url=post_office.url) as one:
        (tmp_path / "other").mkdir()
        other = Server(
            tmp_path / "other",
            smtp_url=post_office.url,
            database_url=f"sqlite:///{one.sqlite}",
            secret_key=(one.instance / "secret_key").read_text().strip(),
        )
        try:
            other.start()
            # Of many signatures from one domain the later mails wait on purpose.
            people = [f"mara@{number}.example" for number in range(PEOPLE)]

            def sign(site: Server, address: str) -> None:
                assert site.browser().sign(email=address).is_done

            both = (one, other)
            visits = [
                threading.Thread(target=sign, args=[both[at % 2], who]) for at, who in enumerate(people)
            ]
            for each in visits:
                each.start()
            for each in visits:
                each.join()
            for at, who in enumerate(people):
                # On the other site than the one where it was signed.
                assert both[1 - at % 2].browser().act(mail_to(post_office, who), "confirm").is_done
            assert both[0].browser().act(mail_to(post_office, people[0]), "withdraw").is_done

            assert eventually(lambda: [site.browser().total() for site in both] == [PEOPLE - 1] * 2)
            assert set(people) <= set(post_office.recipients)
            repeated = Counter((str(mail["To"]), str(mail["Message-ID"])) for mail in post_office.received)
            assert set(repeated.values()) == {1}
            assert one.run("recount").returncode == 0
        finally:
            other.kill()


def test_two_workers_that_erase_at_once_erase_what_is_due_and_nothing_else(
    database: Database, keys: ServerKeys, settings: Settings
) -> None:
    with database.session(writes=True) as db:
        for number in range(40):
            is_due = number % 2 == 0
            on = TODAY - timedelta(days=30) if is_due else TODAY
            make_signature(db, keys, confirmed=number % 4 > 1, on=on)
    failures: list[Exception] = []
    begin = threading.Barrier(3)

    def work() -> None:
        begin.wait()
        try:
            with database.session(writes=True) as db:
                erase_due(Run(settings=settings, database=database, db=db, now=NOW))
                db.commit()
        except Exception as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()

    assert failures == []
    with database.session(writes=True) as db:
        left = select(Signature.confirmed_on.is_(None), func.count()).group_by(
            Signature.confirmed_on.is_(None)
        )
        assert dict(db.execute(left).all()) == {True: 10, False: 20}
        assert compare(db) == []
