"""Somebody who writes to the database without the server's key leaves a trace in the audit log."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from campaign.database.session import Database
from campaign.organiser import audit_chain, audit_log
from campaign.organiser.account import lock_accounts
from campaign.organiser.audit_chain import AuditEnd, rechain, verify
from campaign.organiser.audit_log import AuditEntry
from campaign.sealing.server_key import ServerKeys
from tests.conftest import NOW, SECRET
from tests.support.factories import make_organiser, make_owner

KEY = ServerKeys.from_secret(SECRET).audit
OTHER = ServerKeys.from_secret("another-secret-key-for-tests-only-9876543210").audit


def note(db: Session, *acts: str) -> None:
    """Record acts, each in a transaction of its own."""
    for number, act in enumerate(acts):
        audit_log.record(db, "Olga Organiser", act, "de", now=NOW + timedelta(microseconds=number))
        db.commit()


@pytest.fixture
def db(db: Session) -> Session:
    note(db, "one", "two", "three", "four")
    return db


def alter_an_act(db: Session) -> None:
    db.execute(update(AuditEntry).where(AuditEntry.number == 3).values(act="nothing"))


def alter_what_it_is_about(db: Session) -> None:
    db.execute(update(AuditEntry).where(AuditEntry.number == 3).values(about="fr"))


def alter_a_time(db: Session) -> None:
    db.execute(update(AuditEntry).where(AuditEntry.number == 3).values(at=NOW - timedelta(days=9)))


def put_the_blame_on_somebody_else(db: Session) -> None:
    db.execute(update(AuditEntry).where(AuditEntry.number == 3).values(organiser="Pavel"))


def remove_one(db: Session) -> None:
    db.execute(delete(AuditEntry).where(AuditEntry.number == 3))


def remove_one_and_number_the_others_again(db: Session) -> None:
    remove_one(db)
    db.execute(update(AuditEntry).where(AuditEntry.number == 4).values(number=3))


def exchange_two(db: Session) -> None:
    for before, after in ((3, 9), (4, 3), (9, 4)):
        db.execute(update(AuditEntry).where(AuditEntry.number == before).values(number=after))


def remove_the_last_two(db: Session) -> None:
    db.execute(delete(AuditEntry).where(AuditEntry.number > 2))


def remove_the_last_two_and_move_the_end(db: Session) -> None:
    remove_the_last_two(db)
    last = db.scalars(select(AuditEntry).where(AuditEntry.number == 2)).one()
    db.execute(update(AuditEnd).values(number=2, entry_mac=last.mac))


def remove_the_last_two_and_the_end(db: Session) -> None:
    remove_the_last_two(db)
    db.execute(delete(AuditEnd))


def add_one(db: Session) -> None:
    db.execute(
        text(
            "INSERT INTO audit_entry (id, at, organiser, act, about) SELECT :id, at, organiser, 'x', about"
            " FROM audit_entry WHERE number = 2"
        ),
        {"id": "00000000000000000000000000000001"},
    )


def remove_all(db: Session) -> None:
    db.execute(delete(AuditEntry))


FORGERIES = {
    alter_an_act: 2,
    alter_what_it_is_about: 2,
    alter_a_time: 2,
    put_the_blame_on_somebody_else: 2,
    remove_one: 2,
    remove_one_and_number_the_others_again: 2,
    exchange_two: 2,
    remove_the_last_two: 2,
    remove_the_last_two_and_move_the_end: 2,
    remove_the_last_two_and_the_end: 2,
    add_one: 4,
    remove_all: 0,
}
"""What somebody does who writes to the database alone, and the last entry that is certain then."""


def test_a_chain_that_nobody_touched_is_whole(db: Session) -> None:
    assert verify(db, KEY) is None
    assert db.scalars(select(AuditEntry.number).order_by(AuditEntry.at)).all() == [1, 2, 3, 4]


@pytest.mark.parametrize("forge", FORGERIES)
def test_a_forged_log_shows_where(db: Session, forge: Callable[[Session], None]) -> None:
    forge(db)
    db.commit()
    found = verify(db, KEY)
    assert found is not None
    assert found.number == FORGERIES[forge]

    rechain(db, KEY, OTHER)
    found = verify(db, OTHER)
    assert found is not None
    assert found.number == FORGERIES[forge], "another key hides no break"
    db.rollback()

    note(db, "five")

    assert verify(db, KEY) is not None, "what is written afterwards repairs nothing"


def test_a_chain_of_another_key_does_not_verify(db: Session) -> None:
    assert verify(db, OTHER) == audit_chain.Break(0, None)


def test_the_chain_is_continued_under_another_key(db: Session, database: Database) -> None:
    rechain(db, KEY, OTHER)
    db.commit()
    audit_chain.use_key(database, OTHER)
    with database.writing() as later:
        audit_log.record(later, "Olga Organiser", "five", now=NOW)

    with database.reading() as after:
        assert verify(after, OTHER) is None
        assert verify(after, KEY) is not None


def test_what_is_rolled_back_leaves_no_gap(db: Session) -> None:
    audit_log.record(db, "Olga Organiser", "never", now=NOW)
    db.rollback()
    with db.begin_nested() as savepoint:
        audit_log.record(db, "Olga Organiser", "undone", now=NOW)
        savepoint.rollback()
    with db.begin_nested():
        audit_log.record(db, "Olga Organiser", "five", now=NOW)
    note(db, "six")

    assert verify(db, KEY) is None
    assert db.scalars(
        select(AuditEntry.act).where(AuditEntry.number > 4).order_by(AuditEntry.number)
    ).all() == ["five", "six"]


def test_acts_at_the_same_moment_neither_fork_the_chain_nor_wait_for_each_other(
    database: Database,
) -> None:
    with database.session(writes=True) as db:
        make_organiser(db, make_owner(db))

    def act(number: int) -> None:
        for _ in range(5):
            with database.writing() as db:
                audit_log.record(db, "Olga", "before the lock", str(number), now=NOW)
                db.flush()
                if number % 2:
                    lock_accounts(db)  # a lock that others hold, after the entry
                audit_log.record(db, "Olga", "after the lock", str(number), now=NOW)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(act, range(4)))

    with database.reading() as db:
        assert verify(db, KEY) is None
        assert len(db.scalars(select(AuditEntry)).all()) >= 40
