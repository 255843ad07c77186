"""SQLite after a power failure, which leaves a torn log, and on read-only storage."""

import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import event, func, select, text

from campaign import create_app
from campaign.database.session import Database
from campaign.mail import outbox
from campaign.mail.outbox import OutboxMail
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.model import Signature
from campaign.signature.recount import compare
from tests.conftest import Clock
from tests.faults.serving import FORM, environment, run
from tests.faults.small_disk import small_disk
from tests.faults.test_trouble import assert_one_line
from tests.support.relay import free_port

pytestmark = pytest.mark.fault

SIGNATURES = 8

FRAME_BYTES = 24 + 4096
"""Size of a page in the write-ahead log, with its header."""


@dataclass(frozen=True)
class Moment:
    """State of the disk at an acknowledgement."""

    log_bytes: int
    signed: int
    confirmed: int


@pytest.fixture
def database_url(sqlite_template: bytes, tmp_path: Path) -> str:
    path = tmp_path / "campaign.sqlite"
    path.write_bytes(sqlite_template)
    return f"sqlite:///{path}"


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = create_app(replace(settings, unlimited_networks=(ip_network("127.0.0.0/8"),)), clock=Clock())
    yield app
    app.extensions["campaign"].close()


@pytest.fixture
def moments(app: Flask, database: Database, keys: ServerKeys, tmp_path: Path) -> list[Moment]:
    """Sign and confirm, and record the length of the log at each acknowledgement."""
    client, log = app.test_client(), tmp_path / "campaign.sqlite-wal"
    assert database.checkpoint()
    noted = [Moment(log.stat().st_size, 0, 0)]
    mails: set[UUID] = set()
    for number in range(1, SIGNATURES + 1):
        form = FORM | {"email": f"mara{number}@example.org"}
        assert client.post("/en/letters/de", data=form).status_code == 303
        noted.append(Moment(log.stat().st_size, number, number - 1))
        with database.reading() as db:
            [mail] = db.scalars(select(OutboxMail).where(OutboxMail.id.not_in(mails)))
        mails.add(mail.id)
        token = outbox.content(keys, mail).params["token"]
        assert client.post(f"/en/signature/{token}", data={"action": "confirm"}).status_code == 303
        noted.append(Moment(log.stat().st_size, number, number))
    assert all(earlier.log_bytes < later.log_bytes for earlier, later in pairwise(noted))
    return noted


def torn(log: bytes, at: int, until: int, chance: random.Random) -> dict[str, bytes]:
    """Return possible remains of *log* when it was on disk up to *at*, and partly from there to *until*."""
    kept, following = log[:at], bytearray(log[at:until])
    following[chance.randrange(len(following))] ^= 1 << chance.randrange(8)
    return {
        "cut off": log[: chance.randrange(at, until)],
        "garbage": kept + chance.randbytes(chance.randrange(1, 3 * FRAME_BYTES)),
        "zeros": kept + bytes(chance.randrange(1, 3 * FRAME_BYTES)),
        "one bit wrong": kept + bytes(following) + log[until:],
    }


def found(path: Path) -> tuple[int, int]:
    """Check the integrity of the database at *path*; return its numbers of signatures and confirmed ones."""
    with closing(Database(f"sqlite:///{path}")) as database:
        with database.reading() as db:
            assert db.execute(text("PRAGMA integrity_check")).scalar() == "ok"
            assert not db.execute(text("PRAGMA foreign_key_check")).all()
            number = db.scalar(select(func.count()).select_from(Signature)) or 0
            mails = db.scalar(select(func.count()).select_from(OutboxMail))
            confirmed = db.scalar(select(func.count()).where(Signature.confirmed_on.is_not(None))) or 0
        assert mails == number, "a signature without its mail"
        with database.writing() as db:
            assert compare(db) == []
    return number, confirmed


def test_whatever_is_torn_off_the_log_everything_acknowledged_before_is_there(
    moments: list[Moment], tmp_path: Path
) -> None:
    seed = random.randrange(1_000_000)  # noqa: S311 - no secret
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311
    base, log = tmp_path / "campaign.sqlite", (tmp_path / "campaign.sqlite-wal").read_bytes()
    for number, (moment, following) in enumerate(pairwise(moments)):
        for how, left in torn(log, moment.log_bytes, following.log_bytes, chance).items():
            path = tmp_path / f"{number} {how}.sqlite"
            shutil.copy(base, path)
            Path(f"{path}-wal").write_bytes(left)
            assert found(path) == (moment.signed, moment.confirmed), f"{how} after {moment}"


def test_a_database_that_lets_itself_only_be_read_is_answered_503_and_goes_on_when_it_is_mended(
    app: Flask,
) -> None:
    """SQLite refuses to write with the same error as on a file system that was remounted read-only."""
    engine, client = app.extensions["campaign"].database.engine, app.test_client()
    is_read_only = True

    def refuse(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute(f"PRAGMA query_only = {is_read_only:d}")

    event.listen(engine, "checkout", refuse)
    answer = client.post("/en/letters/de", data=FORM)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    pages = ("/en/letters/de", "/counts.json", "/healthz")
    assert [client.get(page).status_code for page in pages] == [200] * len(pages)

    is_read_only = False
    assert client.post("/en/letters/de", data=FORM).status_code == 303


def test_a_database_on_a_disk_that_can_only_be_read_stops_the_start(
    sqlite_template: bytes, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        (disk / "campaign.sqlite").write_bytes(sqlite_template)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        given = environment(tmp_path, database_url=f"sqlite:///{disk}/campaign.sqlite")
        refused = run(tmp_path, "serve", "--port", str(free_port()), environment=given)

    assert_one_line(refused, "CAMPAIGN_DATABASE_URL")
