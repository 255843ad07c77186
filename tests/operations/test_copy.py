"""Copy a campaign with real content to another database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import inspect, text

from campaign import create_app
from campaign.appeal.content import Appeal
from campaign.cli.main import campaign
from campaign.database.session import Database
from campaign.database.table import Base
from campaign.errors import CopyError, SettingsError
from campaign.mail import dispatch
from campaign.operations import copy as copying
from campaign.operations import start
from campaign.organiser import audit_chain
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature import recount
from campaign.signature.recount import Difference
from campaign.web.site import Site
from tests.conftest import NOW, Clock, _postgresql_url
from tests.faults.serving import token_in
from tests.support.factories import make_signature
from tests.support.relay import relay
from tests.web.conftest import FORM, OrganisersBrowser
from tests.web.filled_site import LOOPBACK, PRIVATE, run_filled_site


@contextmanager
def empty(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Yield the URL of a database of *kind* without tables."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'copy.sqlite'}"
        return
    server, name = request.getfixturevalue("postgresql"), "copied"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} STRATEGY FILE_COPY")
    yield _postgresql_url(server, name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def target_url(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of an empty database of the other kind."""
    kind = "postgresql" if database_url.startswith("sqlite") else "sqlite"
    with empty(kind, request, tmp_path) as url:
        yield url


@pytest.fixture
def target(target_url: str) -> Iterator[Database]:
    target = Database(target_url)
    yield target
    target.close()


def copy(source: str, target: str) -> Result:
    return CliRunner().invoke(campaign, ["copy", "--from", source, "--to", target])


def test_a_campaign_continues_in_its_new_database(
    settings: Settings, target_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH_ROWS", 5)
    monkeypatch.setattr(dispatch, "IDLE_SECONDS", 0.1)
    settings = replace(settings, unlimited_networks=(LOOPBACK,))
    with run_filled_site(settings, clock) as filled_site:
        assert filled_site.browser().post("/en/letters/se", data=FORM).status_code == 303
    copied = copy(settings.database_url, target_url.replace("+psycopg", ""))
    assert copied.exit_code == 0, copied.output + repr(copied.exception)
    assert "The counts equal the rows" in copied.output

    with relay() as post_office:
        app = create_app(replace(settings, database_url=target_url, smtp_url=post_office.url), clock=clock)
        site: Site = app.extensions["campaign"]
        organiser, supporter = OrganisersBrowser(app), app.test_client()
        before = supporter.get("/counts.json").get_json()["total"]
        site.tasks.send_due_mail()
        [mail] = post_office.received
        link = f"/en/signature/{token_in(mail)}"
        assert supporter.post(link, data={"action": "confirm"}).status_code == 303
        clock.forward(seconds=2)

        assert supporter.get("/counts.json").get_json()["total"] == before + 1
        assert organiser.log_in(PRIVATE[4]).status_code == 303
        assert PRIVATE[0] in organiser.get("/organise/lists/de.csv").text
        assert FORM["name"] in organiser.get("/organise/lists/se.csv").text
        with site.database.reading() as db:
            assert recount.compare(db) == []
            assert audit_chain.verify(db, site.keys.audit) is None
        site.close()


def test_a_row_that_was_changed_lost_or_added_on_the_way_is_found(
    database: Database, target: Database, keys: ServerKeys
) -> None:
    with database.session(writes=True) as db:
        make_signature(db, keys, state="fr")
    for table, harm in {
        "signature": "UPDATE signature SET residence = 'XX' WHERE state_code = 'fr'",
        "signature_token": "DELETE FROM signature_token",
        "site": "INSERT INTO site (name, content) VALUES ('more', '') ON CONFLICT DO NOTHING",
    }.items():

        def tamper(what: str, _rows: int, harm: str = harm) -> None:
            if what == "copying":
                with target.writing() as db:
                    db.execute(text(harm))

        with pytest.raises(CopyError, match=rf"does not equal what was read; tables that differ: {table} \("):
            copying.copy(database, target, now=NOW, step=tamper)
        clear(target)


def clear(target: Database) -> None:
    """Remove every row, so that the database is like a new one."""
    with target.writing() as db:
        for table in reversed(Base.metadata.sorted_tables):
            db.execute(table.delete())


def test_a_copy_is_unfinished_if_the_source_changed_meanwhile(
    database: Database, target: Database, settings: Settings, appeal: Appeal
) -> None:
    def somebody_signs(what: str, _rows: int) -> None:
        if what == "copying":
            with database.writing() as db:
                db.execute(text("DELETE FROM letter_text"))

    with pytest.raises(CopyError, match=r"stop its site .*letter_text"):
        copying.copy(database, target, now=NOW, step=somebody_signs)
    with pytest.raises(SettingsError, match="was not finished"):
        start.prepare(target, settings, appeal, now=NOW)


def test_an_interrupted_copy_is_refused_by_a_start_and_by_the_next_copy(
    database: Database, target: Database, settings: Settings, appeal: Appeal
) -> None:
    def interrupt(_what: str, _rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copying.copy(database, target, now=NOW, step=interrupt)

    with pytest.raises(SettingsError, match="was not finished"):
        start.prepare(target, settings, appeal, now=NOW)
    with pytest.raises(CopyError, match="earlier copy"):
        copying.copy(database, target, now=NOW)
    with pytest.raises(CopyError, match="itself an unfinished copy"):
        copying.copy(target, database, now=NOW)


def test_a_target_with_a_campaign_and_a_source_without_one_are_refused(
    database: Database, database_url: str, target: Database, tmp_path: Path
) -> None:
    with pytest.raises(CopyError, match="target already contains a campaign"):
        copying.copy(database, database, now=NOW)
    with pytest.raises(CopyError, match="source contains no campaign"):
        copying.copy(target, database, now=NOW)
    target.migrate()
    with pytest.raises(CopyError, match="source contains no campaign"):
        copying.copy(target, database, now=NOW)
    missing = copy(f"sqlite:///{tmp_path / 'nothing.sqlite'}", database_url)
    assert "no file" in str(missing.exception)
    assert not (tmp_path / "nothing.sqlite").exists()
    assert "--to: must begin" in str(copy(database_url, "mysql://host/name").exception)


def test_wrong_counts_are_copied_unchanged_and_reported(
    database: Database, database_url: str, target: Database, target_url: str
) -> None:
    with database.writing() as db:
        db.execute(text("INSERT INTO state_count VALUES ('de', 0, 7, 0)"))
    told = copy(database_url, target_url)

    assert told.exit_code == 1
    assert "counts differ from the rows" in told.output
    with target.reading() as db:
        assert recount.compare(db) == [Difference(("de",), (7, 0), (0, 0))]
        copying.check_finished(db)


@pytest.mark.any_database
def test_every_table_is_copied_and_none_has_a_sequence(target: Database) -> None:
    target.migrate()  # only the tables: the other test databases also have a queue
    there = set(inspect(target.engine).get_table_names()) - {"alembic_version"}

    assert there == {table.name for table in Base.metadata.sorted_tables}
    assert all(table.primary_key for table in Base.metadata.sorted_tables)
    with target.reading() as db:
        assert db.scalar(text("SELECT count(*) FROM pg_sequences")) == 0
