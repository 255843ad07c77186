"""Starting with empty tables, with tables of a newer version, and upgrading large tables that are in use."""

# ruff: noqa: S608 - statements are built from constants of this file

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, text

from campaign.database import migration
from campaign.database.session import Database
from campaign.errors import SettingsError
from tests.conftest import _postgresql_url
from tests.support.worker import eventually

ADDED_ROWS = 3_000
"""They make a large table, which must not be read under a lock."""

NEXT_REVISION = """
import sqlalchemy as sa
from alembic import op

from campaign.database.migrations import online_change

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW, OLD = "ix_signature_mark", "ix_signature_withdrawn"


def upgrade():
    mark = sa.Column("mark", sa.Boolean(), nullable=False, server_default=sa.false())
    online_change.add_column("signature", mark)
    online_change.create_index(NEW, "signature", ["state_code", "id"], "mark")
    online_change.drop_index(OLD, "signature")
    online_change.change_rows("signature", "UPDATE signature SET mark = true WHERE withdrawn_on IS NOT NULL")


def downgrade():
    online_change.create_index(OLD, "signature", ["state_code", "id"], "withdrawn_on IS NOT NULL")
    online_change.drop_index(NEW, "signature")
    op.drop_column("signature", "mark")
"""
"""A made-up migration that makes each change that large tables need."""


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program have one more migration: :data:`NEXT_REVISION`."""
    scripts = tmp_path / "migrations"
    copytree(migration.HERE, scripts, ignore=ignore_patterns("__pycache__"))
    (scripts / "versions" / "0002_mark.py").write_text(NEXT_REVISION)
    monkeypatch.setattr(migration, "HERE", scripts)
    monkeypatch.setattr(migration, "NEWEST", "0002")


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
    """Return a database with the first tables and two rows of signatures."""
    database = Database(database_url)
    database.migrate("0001")
    columns = "state_code, id, edition, language, residence, disclosure, signed_on, withdrawn_on, has_words"
    with database.engine.connect().execution_options(writes=True) as connection:
        for withdrawn in ("'2026-11-02'", "NULL"):
            row = f"'de', '{uuid4()}', 1, 'en', 'ZZ', 'counted', '2026-11-01', {withdrawn}, false"
            connection.execute(text(f"INSERT INTO signature ({columns}) VALUES ({row})"))
        connection.commit()
    yield database
    database.close()


def marks(database: Database) -> list[bool]:
    with database.engine.connect() as connection:
        return sorted(bool(mark) for mark in connection.scalars(text("SELECT mark FROM signature")))


@on_both
@pytest.mark.usefixtures("next_version")
def test_rows_survive_upgrade_downgrade_and_upgrade(database: Database) -> None:
    for back in (False, True, False):
        database.migrate("0001" if back else "head", back=back)

    assert marks(database) == [False, True]


@pytest.mark.usefixtures("next_version")
def test_an_interrupted_upgrade_runs_again(database: Database) -> None:
    database.migrate()
    made = {index["name"] for index in inspect(database.engine).get_indexes("signature")}
    with database.engine.connect() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        connection.execute(
            text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_signature_mark'::regclass")
        )
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


@pytest.mark.usefixtures("next_version")
def test_no_migration_reads_or_rewrites_a_table_whose_writers_it_blocks(database: Database) -> None:
    columns = "edition, language, residence, disclosure, signed_on, withdrawn_on, has_words"
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
        known = "SELECT count(*) FROM pg_stats WHERE tablename = 'signature' AND attname = 'mark'"
        assert connection.scalar(text(known)) == 1, "the planner has statistics of the mark"


def files(database: Database) -> dict[str, int]:
    """Return the file number of each table; a rewrite changes it."""
    ours = "relkind = 'r' AND relnamespace = 'public'::regnamespace"
    with database.engine.connect() as connection:
        return dict(connection.execute(text(f"SELECT relname, relfilenode FROM pg_class WHERE {ours}")).all())


@pytest.mark.usefixtures("next_version")
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
    assert marks(database) == [False, True]


@pytest.mark.usefixtures("next_version")
def test_many_processes_that_start_at_once_wait_for_the_one_that_upgrades(database: Database) -> None:
    starting = [threading.Thread(target=database.migrate) for _ in range(4)]
    for each in starting:
        each.start()
    for each in starting:
        each.join(60)

    assert marks(database) == [False, True]
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")) == 0
        assert connection.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")) == 0
