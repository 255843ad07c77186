from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from campaign.database.fact import read_fact, save_fact
from campaign.database.session import Database
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature import count as tally
from campaign.signature import recount
from campaign.signature.count import Day
from campaign.worker.job import Run, compare_counts
from tests.conftest import NOW
from tests.support.factories import make_signature

TODAY = NOW.date()


def test_counts_are_kept_by_state_by_day_and_by_residence(db: Session) -> None:
    tally.add(db, "de", "FR", on=TODAY, confirmed=1)
    tally.add(db, "de", "PL", on=TODAY + timedelta(days=1), confirmed=2)
    tally.add(db, "fr", "FR", on=TODAY, confirmed=1)
    tally.add(db, "de", "FR", on=TODAY + timedelta(days=1), withdrawn=1)

    assert tally.by_state(db) == {"de": 2, "fr": 1}
    assert tally.total(db) == 3
    assert tally.by_residence(db, "de") == {"PL": 2}
    assert tally.withdrawn(db, "de") == 1
    assert tally.by_day(db) == [Day(TODAY, 2, 0), Day(TODAY + timedelta(days=1), 2, 1)]
    assert tally.by_day(db, "fr") == [Day(TODAY, 1, 0)]


def test_nothing_is_counted_before_there_is_anything(db: Session) -> None:
    assert tally.total(db) == 0
    assert tally.by_state(db) == {}
    assert tally.by_day(db) == []


def test_simultaneous_counts_lose_nothing(database: Database) -> None:
    def count(_: int) -> None:
        with database.writing() as db:
            tally.add(db, "de", "FR", on=TODAY, confirmed=1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(120)))
    with database.reading() as db:
        assert tally.total(db) == 120
        assert tally.by_residence(db, "de") == {"FR": 120}


def test_a_rolled_back_transaction_does_not_count(database: Database) -> None:
    with database.session(writes=True) as db:
        tally.add(db, "de", "FR", on=TODAY, confirmed=1)
        db.rollback()
    with database.reading() as db:
        assert tally.total(db) == 0


def test_a_recount_names_each_difference_and_is_recorded(
    db: Session, keys: ServerKeys, caplog: pytest.LogCaptureFixture
) -> None:
    make_signature(db, keys)
    assert recount.compare(db) == []

    tally.add(db, "de", "FR", on=TODAY, confirmed=2)
    found = recount.compare(db)
    recount.record(db, found, now=NOW)

    assert {difference.of for difference in found} == {("de",), ("de", "FR"), ("de", TODAY.isoformat())}
    assert all(difference.counted == (3, 0) for difference in found)
    assert all(difference.rows == (1, 0) for difference in found)
    assert recount.last(db) == (NOW, 3)
    assert "count of de: (3, 0) counted, (1, 0) rows" in caplog.text


def test_the_nightly_recount_keeps_nobody_from_signing_meanwhile(
    database: Database, database_url: str, settings: Settings
) -> None:
    other = Database(database_url)

    def sign(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM state_count" in statement:
            with other.writing() as db:
                save_fact(db, "signed", "while the rows were counted")

    event.listen(database.engine, "before_cursor_execute", sign)
    with database.session(writes=True) as db:
        compare_counts(Run(settings=settings, database=database, db=db, now=NOW))
        db.commit()

        assert read_fact(db, "signed")
        assert recount.last(db) == (NOW, 0)
    other.close()
