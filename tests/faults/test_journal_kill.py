"""Kill a withdrawal around its commit: what was acknowledged stays so after a restoration."""

import json
import os
import signal

import pytest
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database import journal
from campaign.database.journal import location_of
from campaign.database.journal_file import Journal
from campaign.database.restoration import unreviewed
from campaign.database.session import Database
from campaign.operations import replay, start
from campaign.operations.unreplayed import unreplayed
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.model import Signature
from campaign.signature.recount import compare
from tests.conftest import NOW
from tests.faults.interrupted_withdrawal import COMMITTED, MOMENTS, WRITTEN
from tests.support.driver import python_path
from tests.support.factories import Made, make_signature
from tests.support.fork_server import run

pytestmark = pytest.mark.fault


def kill_withdrawal(settings: Settings, made: Made, moment: str) -> None:
    given = {
        "instance": str(settings.instance),
        "database_url": settings.database_url,
        "secret_key": settings.secret_key,
    }
    environment = os.environ | {"PYTHONPATH": python_path(settings.database_url)}
    arguments = json.dumps(given), made.token, moment, NOW.isoformat()
    killed = run("tests.faults.interrupted_withdrawal", *arguments, env=environment)
    assert killed.returncode == -signal.SIGKILL


def row(database: Database, made: Made) -> Signature:
    with database.reading() as db:
        return db.get_one(Signature, (made.row.state_code, made.row.id))


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_withdrawal_is_in_the_journal_and_after_a_start_in_the_database(
    db: Session, database: Database, keys: ServerKeys, settings: Settings, appeal: Appeal, moment: str
) -> None:
    made = make_signature(db, keys)
    site = Database.of_site(settings)
    start.prepare(site, settings, appeal, now=NOW)

    kill_withdrawal(settings, made, moment)

    [line] = Journal(settings.instance / "journal").lines()
    assert [act["id"] for act in line.acts] == [str(made.row.id)]
    assert bool(row(database, made).withdrawn_on) is (moment == COMMITTED)
    for _ in range(2):
        start.prepare(site, settings, appeal, now=NOW)
        assert row(database, made).withdrawn_on == NOW.date()
        with site.snapshot() as reading:
            assert compare(reading) == []
            # Nothing tells an interrupted act from a backup that lacks one.
            assert (unreviewed(reading) is None) is (moment == COMMITTED)
    site.close()


def test_the_line_of_an_act_that_was_not_committed_is_replayed_on_a_backup_without_harm(
    db: Session, database: Database, keys: ServerKeys, settings: Settings, appeal: Appeal
) -> None:
    made, other = make_signature(db, keys), make_signature(db, keys)
    kill_withdrawal(settings, made, WRITTEN)
    kill_withdrawal(settings, other, COMMITTED)
    present = Journal(settings.instance / "journal", location_of(database.url))
    assert [line.number for line in present.lines()] == [1, 1]

    with database.writing() as writing:
        replay.replay_lines(writing, appeal, unreplayed(writing, [present]), now=NOW)
    assert not row(database, made).withdrawn_on, "the database is as new as the journal"

    with database.writing() as writing:
        journal.set_position(writing, present.part(), 0)  # as in a backup from before
        replay.replay_lines(writing, appeal, unreplayed(writing, [present]), now=NOW)
    assert row(database, made).withdrawn_on
    with database.snapshot() as reading:
        assert compare(reading) == []
