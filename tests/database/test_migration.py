"""Upgrade and downgrade, with the rows that version 0.1.0 stored (made-up people)."""

# ruff: noqa: S608 - statements are built from constants of this file

import csv
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import Boolean, Connection, MetaData, event, inspect, text

from campaign import create_app
from campaign.database import migration
from campaign.database.session import Database
from campaign.errors import SettingsError
from campaign.settings import Settings
from campaign.signature import count
from campaign.signature.recount import compare
from tests.conftest import Clock, _postgresql_url
from tests.support.worker import eventually
from tests.web.conftest import OrganisersBrowser, Supporter

ROWS_OF_0001 = Path(__file__).parent / "migrated" / "0001.json"
"""Rows as SQLite stores them, with bytes as hex: a site with signatures, withdrawals, published names,
a delivery and one waiting mail; letter texts to two states only."""

Rows = dict[str, list[Any]]

ADDED_ROWS = 3_000
"""They make a large table, which must not be read under a lock."""


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of a new database without tables."""
    if getattr(request, "param", "postgresql") == "sqlite":
        yield f"sqlite:///{tmp_path / 'campaign.sqlite'}"
        return
    server, name = request.getfixturevalue("postgresql"), f"test_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield _postgresql_url(server, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Return a database as version 0.1.0 stored it."""
    database = Database(database_url)
    database.migrate("0001")
    with database.engine.connect().execution_options(writes=True) as connection:
        if not database.is_sqlite:
            connection.execute(text("SET TIME ZONE 'UTC'"))
        fill(connection, json.loads(ROWS_OF_0001.read_text()))
        connection.commit()
    yield database
    database.close()


def fill(connection: Connection, rows: Rows) -> None:
    tables = MetaData()
    tables.reflect(connection)
    for table in tables.sorted_tables:
        for row in rows[table.name] if table.name != "alembic_version" else ():
            given = {
                name: bytes.fromhex(content["hex"])
                if isinstance(content, dict)
                else bool(content)
                if isinstance(table.c[name].type, Boolean)
                else content
                for name, content in row.items()
            }
            names = ", ".join(f'"{name}"' for name in given)
            values = ", ".join(f":{name}" for name in given)
            connection.execute(text(f'INSERT INTO "{table.name}" ({names}) VALUES ({values})'), given)


def columns_of_0001(database: Database) -> Rows:
    """Return the rows of all tables in the columns of revision 0001."""
    found: Rows = {}
    with database.engine.connect() as connection:
        for table, rows in json.loads(ROWS_OF_0001.read_text()).items():
            names = ", ".join(f'"{name}"' for name in rows[0])
            rows_now = connection.execute(text(f'SELECT {names} FROM "{table}"'))
            found[table] = sorted((tuple(row) for row in rows_now), key=repr)
    del found["alembic_version"]
    return found


@pytest.fixture
def open_site(settings: Settings, clock: Clock) -> Iterator[Callable[[], Flask]]:
    made: list[Flask] = []

    def open_site() -> Flask:
        free = replace(settings, unlimited_networks=(ip_network("127.0.0.0/8"),))
        made.append(create_app(free, clock=clock))
        return made[-1]

    yield open_site
    for app in made:
        app.extensions["campaign"].close()


def names_on(listed: bytes) -> list[str]:
    return sorted(row["name"] for row in csv.DictReader(io.StringIO(listed.decode("utf-8-sig"))))


@on_both
def test_rows_of_the_previous_version_survive_upgrade_downgrade_and_upgrade(
    database: Database, open_site: Callable[[], Flask], clock: Clock
) -> None:
    stored = columns_of_0001(database)
    assert len(stored["signature"]) == 7

    for back in (False, True, False):
        database.migrate("0001" if back else "head", back=back)
        assert columns_of_0001(database) == stored
    with database.engine.connect() as connection:
        marked = connection.scalars(text("SELECT withdrawn_on FROM signature WHERE to_strike")).all()
    assert len(marked) == 1
    assert all(marked)

    clock.forward(minutes=10)
    app = open_site()
    supporter, organiser = Supporter(app.test_client(), app.extensions["campaign"]), OrganisersBrowser(app)
    assert supporter.total() == 5
    [mail] = supporter.mails()
    supporter.token = mail.params["token"]
    assert supporter.act("confirm").status_code == 303
    assert supporter.sign(name="Mara Later", email="later@example.org").status_code == 303
    assert supporter.act("confirm").status_code == 303
    assert supporter.total() == 7
    assert organiser.log_in().status_code == 303
    expected = {"us": ["Mara Lindqvist", "Nuria Public", "Wanda Words"]}
    expected["de"] = ["Dora Example", "Mara Later", "Petra Pending"]
    for state, names in expected.items():
        assert [
            each for each in names_on(organiser.get(f"/organise/lists/{state}.csv").data) if each
        ] == names
    assert "Nuria Public" in supporter.client.get("/en/progress").text
    [delivery] = stored["delivery"]
    assert supporter.client.get(f"/en/verify/{delivery[1]}").status_code == 200
    with database.session(writes=True) as db:
        assert compare(db) == []


@on_both
def test_after_a_downgrade_the_counts_equal_the_rows_that_the_previous_version_counts(
    database: Database, open_site: Callable[[], Flask]
) -> None:
    app = open_site()
    supporter = Supporter(app.test_client(), app.extensions["campaign"])
    assert supporter.sign(name="Rob Robot", email="rob@example.org", website="x").status_code == 303
    assert supporter.act("confirm").status_code == 303
    with database.reading() as db:
        counted = count.by_state(db)
    assert counted == {"us": 4, "de": 1}
    app.extensions["campaign"].database.close()

    database.migrate("0001", back=True)

    standing = "confirmed_on IS NOT NULL AND withdrawn_on IS NULL"
    with database.engine.connect() as connection:
        rows = connection.execute(
            text(f"SELECT state_code, count(*) FROM signature WHERE {standing} GROUP BY 1")
        )
        assert dict(rows.all()) == counted
        assert connection.scalar(text("SELECT count(*) FROM signature")) == 8, "no signature is lost"


def test_an_interrupted_upgrade_runs_again(database: Database) -> None:
    database.migrate()
    made = {index["name"] for index in inspect(database.engine).get_indexes("signature")}
    with database.engine.connect() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        connection.execute(text("DROP INDEX ix_signature_invalidation"))
        half_made = "indexrelid = 'ix_signature_withdrawn'::regclass"
        connection.execute(text(f"UPDATE pg_index SET indisvalid = false WHERE {half_made}"))
        connection.commit()

    database.migrate()

    assert {index["name"] for index in inspect(database.engine).get_indexes("signature")} == made
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")) == 0


@on_both
def test_tables_of_a_newer_version_are_refused(database: Database) -> None:
    with database.engine.connect().execution_options(writes=True) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()

    with pytest.raises(
        SettingsError, match="CAMPAIGN_DATABASE_URL: the tables seem to belong to a newer version"
    ):
        database.migrate()


BLOCKING = "('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
"""PostgreSQL's lock modes that block writers."""


def read_under_lock(cursor: Any) -> set[str]:
    """Return the tables that this transaction has read while it blocks their writers."""
    cursor.execute(
        "SELECT relname FROM pg_locks JOIN pg_stat_xact_user_tables ON relid = relation"
        f" WHERE pid = pg_backend_pid() AND mode IN {BLOCKING} AND seq_tup_read > 100"
    )
    return {name for (name,) in cursor.fetchall()}


def test_the_newest_revision_is_alembics_head(database: Database) -> None:
    with database.engine.connect() as connection:
        script = ScriptDirectory.from_config(migration.config(connection))
        assert script.get_current_head() == migration.NEWEST


def test_no_migration_reads_or_rewrites_a_table_whose_writers_it_blocks(database: Database) -> None:
    columns = "edition, language, residence, disclosure, signed_on, confirmed_on, withdrawn_on, has_words"
    many = f"SELECT state_code, gen_random_uuid(), {columns} FROM signature, generate_series(1, {ADDED_ROWS})"
    with database.engine.connect() as connection:
        connection.execute(text(f"INSERT INTO signature (state_code, id, {columns}) {many}"))
        connection.commit()
        script = ScriptDirectory.from_config(migration.config(connection))
    found: list[tuple[str, set[str]]] = []

    def look(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if tables := read_under_lock(cursor.connection.cursor()):
            found.append((statement, tables))

    event.listen(database.engine, "after_cursor_execute", look)
    _first, *later = reversed(list(script.walk_revisions()))
    for each in later:
        before = files(database)
        database.migrate(each.revision)
        assert files(database).items() >= before.items()
    assert found == []
    with database.engine.connect() as connection:
        known = "SELECT count(*) FROM pg_stats WHERE tablename = 'signature' AND attname = 'to_strike'"
        assert connection.scalar(text(known)) == 1, "the planner has statistics of the mark"


def files(database: Database) -> dict[str, int]:
    """Return the file number of each table; a rewrite changes it."""
    ours = "relkind = 'r' AND relnamespace = 'public'::regnamespace"
    with database.engine.connect() as connection:
        return dict(connection.execute(text(f"SELECT relname, relfilenode FROM pg_class WHERE {ours}")).all())


def test_an_upgrade_that_waits_for_a_long_reader_blocks_no_writer_for_long(database: Database) -> None:
    plain = database.url.set(drivername="postgresql").render_as_string()
    with psycopg.connect(plain) as reader, closing(psycopg.connect(plain, autocommit=True)) as writer:
        reader.execute("SELECT count(*) FROM signature")
        upgrading = threading.Thread(target=database.migrate)
        upgrading.start()
        stands = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted"
        assert eventually(lambda: writer.execute(stands).fetchone() == (1,))
        writer.execute("SET lock_timeout = '20s'")
        assert writer.execute("UPDATE signature SET residence = 'ZZ' WHERE state_code = 'de'").rowcount == 2
        assert upgrading.is_alive()
        reader.rollback()
        upgrading.join(60)

    assert not upgrading.is_alive()
    assert "held_for" in {column["name"] for column in inspect(database.engine).get_columns("signature")}


def test_many_processes_that_start_at_once_wait_for_the_one_that_upgrades(database: Database) -> None:
    starting = [threading.Thread(target=database.migrate) for _ in range(4)]
    for each in starting:
        each.start()
    for each in starting:
        each.join(60)

    assert inspect(database.engine).has_table("invalidation")
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")) == 0
        assert connection.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")) == 0
