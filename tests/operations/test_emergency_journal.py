"""The line of an emergency in the journal follows its commit, and hinders nothing."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy.exc import OperationalError

from campaign.appeal.content import Appeal
from campaign.database import journal
from campaign.database.journal_file import Journal
from campaign.database.session import Database
from campaign.errors import JournalError
from campaign.operations import start
from campaign.operations.emergency import database_residue
from campaign.operations.emergency.destroy_keys import destroy
from campaign.sealing import campaign_key
from campaign.settings import Settings
from tests.conftest import NOW
from tests.support.factories import make_owner


@pytest.fixture
def site(database: Database, settings: Settings, appeal: Appeal) -> Iterator[Database]:
    with closing(Database.of_site(settings)) as site:
        start.prepare(site, settings, appeal, now=NOW)
        with site.writing() as db:
            make_owner(db)
        yield site


def is_destroyed(site: Database) -> bool:
    with site.reading() as db:
        return campaign_key.destroyed_at(db) is not None


def acts(site: Database) -> list[str]:
    assert site.journal is not None
    return [act["act"] for line in site.journal.lines() for act in line.acts if act["act"] == journal.DESTROY]


def test_the_line_follows_the_commit_and_stands_once(site: Database) -> None:
    for _ in range(2):
        destroy(site, now=NOW)

    assert (is_destroyed(site), acts(site)) == (True, [journal.DESTROY])


def test_a_commit_that_fails_leaves_no_line(site: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_about: object) -> None:
        raise OperationalError("commit", {}, Exception("database or disk is full"))

    with monkeypatch.context() as full:
        full.setattr(site.engine.dialect, "do_commit", fail)
        with pytest.raises(OperationalError):
            destroy(site, now=NOW)

    assert (is_destroyed(site), acts(site)) == (False, [])


def test_a_journal_that_takes_no_line_hinders_no_emergency_and_gets_it_at_the_start(
    site: Database, settings: Settings, appeal: Appeal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_about: object) -> None:
        raise JournalError("no space")

    with monkeypatch.context() as full:
        full.setattr(Journal, "append", fail)
        destroy(site, now=NOW)
    assert (is_destroyed(site), acts(site)) == (True, [])

    for _ in range(2):
        start.prepare(site, settings, appeal, now=NOW)

    assert acts(site) == [journal.DESTROY]


@pytest.mark.any_database
def test_a_damaged_journal_hinders_no_emergency(site: Database) -> None:
    assert site.journal is not None
    site.journal.path.write_bytes(b"damaged\n")

    destroy(site, now=NOW)

    assert is_destroyed(site)


def test_an_act_that_is_under_way_for_long_hinders_no_emergency(
    site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if site.is_sqlite:
        pytest.skip("SQLite has one writer")
    monkeypatch.setattr(database_residue, "WAIT_SECONDS", 0.05)
    assert site.journal is not None
    with site.session(writes=True) as db:
        journal.next_number(db, site.journal.part())

        destroy(site, now=NOW)

        db.rollback()
    assert is_destroyed(site)
