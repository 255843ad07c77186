"""Each command in a process of its own, which imports what this command needs and nothing else."""

from pathlib import Path

import pytest

from campaign.cli.main import COMMANDS
from campaign.database.session import Database
from campaign.settings import Settings
from tests.cli.test_cli import as_site
from tests.conftest import SECRET
from tests.support import fork_server

pytestmark = pytest.mark.any_database

REAL = {"serve", "work", "list"}
"""Commands that other tests start as a user does."""

ADDRESSES = "state,email,source,checked_on\nde,de@missions.example.org,a call,2026-11-01\n"

IN_TURN = {
    "delegations import {folder}/addresses.csv": "1 addresses imported",
    "organiser list": "",
    "recount": "The counts equal the rows.",
    "erase": "0 rows were due",
    "doctor": "There is no organiser yet",
    "demo --signatures 2": "",
    "backup {folder}/backup": "is written",
    "copy --from {url} --to sqlite:///{folder}/copy.sqlite": "each was compared",
    "restore {folder}/backup --replace": "The backup is restored",
    "change-secret-key": "key",
}
"""Commands, one after the other on one site, and what each says."""


def test_no_command_needs_what_only_another_one_imports(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    assert {each.partition(" ")[0] for each in IN_TURN} == COMMANDS.keys() - REAL
    (tmp_path / "addresses.csv").write_text(ADDRESSES)
    (settings.instance / "secret_key").write_text(SECRET)
    environment = as_site(settings)
    del environment["CAMPAIGN_SECRET_KEY"]
    database.close()

    for command, said in IN_TURN.items():
        given = [each.format(folder=tmp_path, url=settings.database_url) for each in command.split()]
        done = fork_server.run("tests.support.alone", *given, env=environment)
        assert (done.returncode, said in done.stdout) == (0, True), (command, done.stdout, done.stderr)
