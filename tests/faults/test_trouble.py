"""Faults of disk, database, relay and processes: nothing unsaved is acknowledged, and the site recovers."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from campaign import create_app
from campaign.database import connection as engine
from campaign.paths import PACKAGE, TEMPLATES
from campaign.settings import Settings
from campaign.worker import tasks
from tests.faults.serving import FORM, UNREACHED, Answer, Server, environment, mail_to, run, serving
from tests.faults.small_disk import fill, small_disk
from tests.support.relay import free_port, relay
from tests.support.worker import eventually

pytestmark = pytest.mark.fault

CROWD = 40
"""More than a web process has threads."""

ENOUGH = 400
"""More signatures than fit into the unused parts of existing files on a full disk."""


def signatures(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM signature").fetchone()[0])
    finally:
        connection.close()


def test_on_a_full_disk_nothing_is_acknowledged_that_is_not_kept_and_room_heals_it(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk") as disk,
        relay() as post_office,
        serving(tmp_path, instance=str(disk / "instance"), smtp_url=post_office.url) as site,
    ):
        browser, path = site.browser(), disk / "instance" / "campaign.sqlite"
        assert browser.sign(email="before@example.org").is_done
        filler = fill(disk)

        answers: list[Answer] = []
        while len(refused := [answer for answer in answers if not answer.is_done]) < 3:
            assert len(answers) < ENOUGH
            answers.append(browser.sign(email=f"mara{len(answers)}@example.org"))
        assert {answer.status for answer in refused} == {503}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
        assert browser.get("/en/letters/de").status == 200
        assert signatures(path) == 1 + len(answers) - len(refused)

        filler.unlink()
        assert browser.sign(email="after@example.org").is_done
        assert browser.act(mail_to(post_office, "after@example.org"), "confirm").is_done
        assert "@example.org" not in site.console.read_text()


def test_on_a_full_disk_the_start_says_so_in_one_line(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        fill(disk)
        given = environment(tmp_path, instance=str(disk / "instance"))
        refused = run(tmp_path, "serve", "--port", str(free_port()), environment=given)

        assert_one_line(refused, "")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let another process have SQLite's write lock while the block lasts."""
    program = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None);"
        " db.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"locked\n"
        yield


@pytest.fixture
def client(settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    monkeypatch.setattr(engine, "WAIT_SECONDS", 0.2)
    app = create_app(settings)
    yield app.test_client()
    app.extensions["campaign"].close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_that_is_locked_for_too_long_is_answered_503_and_then_goes_on(
    client: FlaskClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with locked(tmp_path / "campaign.sqlite"):
        answer = client.post("/en/letters/de", data=FORM)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert client.get("/en/letters/de").status_code == 200
        assert client.get("/healthz").status_code == 200
    assert FORM["email"] not in caplog.text

    assert client.post("/en/letters/de", data=FORM).status_code == 303


def test_while_the_database_is_locked_pages_are_served_and_who_waits_may_sign_in_the_end(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, smtp_url="smtp://127.0.0.1:1") as site, ThreadPoolExecutor(CROWD) as crowd:
        with locked(site.sqlite):
            signing = [
                crowd.submit(site.browser().sign, email=f"mara{number}@example.org")
                for number in range(CROWD)
            ]
            paths = ("/en/letters/de", "/counts.json", "/en/progress", "/healthz")
            assert [site.browser().get(path).status for path in paths] == [200] * len(paths)
            # The first request still waits; all others are answered, and further ones are answered at once.
            assert eventually(lambda: sum(each.done() for each in signing) == CROWD - 1)
            late = site.browser().sign(email="late@example.org")
            told = [each.result() for each in signing if each.done()]
            assert [answer.status for answer in (*told, late)] == [503] * CROWD
            assert all(int(answer.headers["Retry-After"]) > 0 for answer in told)
        assert Counter(each.result().status for each in signing) == {503: CROWD - 1, 303: 1}
        assert signatures(site.sqlite) == 1


def test_mails_signed_for_while_the_relay_is_down_leave_when_it_is_there(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, smtp_url=f"smtp://127.0.0.1:{port}") as site:
        assert site.browser().sign(email="early@example.org").is_done
        assert eventually(lambda: "no mail can leave now" in site.console.read_text())
        time.sleep(tasks.WAKE_SECONDS)
        with relay(port=port) as post_office:
            assert site.browser().sign(email="late@example.org").is_done
            for address in ("early@example.org", "late@example.org"):
                assert site.browser().act(mail_to(post_office, address), "confirm").is_done
        assert "Traceback" not in site.console.read_text()


def test_a_relay_that_refuses_everybody_for_now_gets_the_mails_again(tmp_path: Path) -> None:
    with relay() as post_office, serving(tmp_path, smtp_url=post_office.url) as site:
        post_office.refuse_sender = "451 4.3.0 not now"
        assert site.browser().sign(email="early@example.org").is_done
        assert eventually(lambda: "SMTP status 451" in site.console.read_text())
        post_office.refuse_sender = ""
        connection = sqlite3.connect(site.instance / "campaign.sqlite", timeout=120)
        put_off = "SELECT count(*) FROM outbox WHERE due_at > datetime(created_at, '+20 seconds')"
        # The log line comes before the commit.
        assert eventually(lambda: connection.execute(put_off).fetchone() == (1,))
        with connection:
            # As after the minute of the back-off.
            connection.execute("UPDATE outbox SET due_at = created_at")
        connection.close()
        assert site.browser().sign(email="late@example.org").is_done
        assert site.browser().act(mail_to(post_office, "early@example.org"), "confirm").is_done


def assert_one_line(refused: subprocess.CompletedProcess[str], *named: str) -> None:
    """Check that a command ended with status 1 and one line that holds every text of *named*."""
    said = refused.stderr.strip() + refused.stdout.strip()
    assert refused.returncode == 1, said
    assert said.startswith("campaign: "), said
    assert len(said.splitlines()) == 1, said
    assert all(name in said for name in named), said


def serve(folder: Path, *, port: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
    arguments = ("serve", "--workers", "1", "--port", str(port or free_port()))
    return run(folder, *arguments, environment=environment(folder, **settings))


def test_a_file_in_the_place_of_the_instance_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert_one_line(serve(tmp_path, instance=str(tmp_path / "file")), "CAMPAIGN_INSTANCE")


def test_an_instance_that_cannot_be_written_to_stops_the_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", is_read_only=True) as disk:
        assert_one_line(serve(tmp_path, instance=str(disk)), "CAMPAIGN_INSTANCE")


def test_an_instance_that_is_missing_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    instance = tmp_path / "some" / "where"
    with serving(tmp_path, instance=str(instance), smtp_url="smtp://127.0.0.1:1"):
        modes = {path.stat().st_mode & 0o077 for path in (instance, *instance.iterdir())}

    assert modes == {0}


def test_a_broken_appeal_stops_the_start_with_its_file_and_line(tmp_path: Path) -> None:
    appeal = tmp_path / "appeal"
    shutil.copytree(PACKAGE / "data" / "appeal", appeal)
    shutil.copytree(TEMPLATES / "letters", appeal / "letters")
    persons = appeal / "persons.toml"
    lines = persons.read_text().splitlines()
    number = next(at for at, line in enumerate(lines) if line.startswith("name"))
    lines[number] = "name = nobody"
    persons.write_text("\n".join(lines))

    assert_one_line(serve(tmp_path, appeal=str(appeal)), f"{persons}:{number + 1}: ")


def test_a_port_that_is_in_use_stops_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert_one_line(serve(tmp_path, port=port), "--port", str(port))


def test_another_secret_key_stops_the_start(tmp_path: Path) -> None:
    with serving(tmp_path, smtp_url="smtp://127.0.0.1:1"):
        pass

    assert_one_line(serve(tmp_path, secret_key="another-made-up-key-" * 2), "CAMPAIGN_SECRET_KEY")


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://olga:hidden@127.0.0.1:1/none", "sqlite:////nowhere/campaign.sqlite"]
)
def test_a_database_that_does_not_answer_stops_the_start(tmp_path: Path, url: str) -> None:
    refused = serve(tmp_path, database_url=url)

    assert_one_line(refused, "CAMPAIGN_DATABASE_URL")
    assert "hidden" not in refused.stderr


def test_a_database_that_is_none_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "campaign.sqlite").write_bytes(os.urandom(9000))

    assert_one_line(serve(tmp_path), "CAMPAIGN_DATABASE_URL")


@pytest.mark.parametrize("command", ["work", "serve"])
def test_a_mail_worker_or_a_web_process_that_dies_is_started_again(tmp_path: Path, command: str) -> None:
    with relay() as post_office, serving(tmp_path, smtp_url=post_office.url) as site:
        assert site.browser().sign(email="early@example.org").is_done
        mail_to(post_office, "early@example.org")
        os.kill(site.child(command), signal.SIGKILL)
        time.sleep(tasks.WAKE_SECONDS)
        assert eventually(lambda: answers(site))
        assert site.browser().sign(email="late@example.org").is_done
        mail_to(post_office, "late@example.org")


def answers(site: Server) -> bool:
    try:
        return site.browser().get("/healthz").status == 200
    except UNREACHED:
        return False
