"""A restoration to PostgreSQL that fails or is killed leaves no site that starts."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import inspect

from campaign.appeal.content import Appeal
from campaign.database.restoration import unreviewed
from campaign.database.session import Database
from campaign.errors import SettingsError
from campaign.operations import restore as restoring
from campaign.operations import start
from campaign.operations.backup import back_up
from campaign.settings import Settings
from tests.conftest import NOW, SECRET, new_database
from tests.faults.test_backup import TOOLS

EMPTY = "letters_restored_empty"  # another module restores to `letters_restored` at the same time


@pytest.fixture
def backup(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[tuple[Settings, Path]]:
    """Return the settings of a site whose database is empty, and a backup for it."""
    monkeypatch.setenv("PATH", f"{TOOLS}:{os.environ['PATH']}")
    file, secret = tmp_path / "letters.backup", "s" * 40
    server = request.getfixturevalue("postgresql")
    with new_database("postgresql", request, tmp_path) as url:
        back_up(Database(url).url, file)
        settings = Settings(instance=tmp_path, secret_key=secret, database_url=url)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {EMPTY}")
        name = str(Database(url).url.database)
        yield replace(settings, database_url=url.replace(f"/{name}?", f"/{EMPTY}?")), file
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {EMPTY} WITH (FORCE)")


def tables(settings: Settings) -> list[str]:
    with closing(Database(settings.database_url)) as database:
        return inspect(database.engine).get_table_names()


@pytest.mark.any_database
def test_a_failed_restoration_leaves_an_empty_database(backup: tuple[Settings, Path], appeal: Appeal) -> None:
    settings, file = backup

    with pytest.raises(SettingsError, match="SECRET_KEY"):
        restoring.restore(settings, appeal, file, now=NOW)

    assert tables(settings) == []


@pytest.mark.any_database
def test_a_killed_restoration_starts_no_site_and_is_repeated(
    backup: tuple[Settings, Path], appeal: Appeal, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, file = replace(backup[0], secret_key=SECRET), backup[1]
    with closing(Database.of_site(settings)) as database:
        restoring._restore_postgresql(database, file)  # and killed
        with pytest.raises(SettingsError, match="run `campaign restore` again"):
            start.prepare(database, settings, appeal, now=NOW)

    restored = restoring.restore(settings, appeal, file, now=NOW)

    assert restored.differences == []
    with closing(Database.of_site(settings)) as database:
        start.prepare(database, settings, appeal, now=NOW)
        with database.reading() as db:
            assert unreviewed(db) is not None
