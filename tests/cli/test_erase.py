"""`campaign erase`: rows that are due, and in an emergency everything personal."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from campaign.cli.main import campaign
from campaign.clock import SYSTEM_CLOCK
from campaign.database.session import Database
from campaign.errors import CampaignError, ErasedError
from campaign.operations.emergency.scrub_rows import is_unfinished
from campaign.sealing import campaign_key
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.model import Signature
from tests.conftest import SECRET
from tests.support.factories import PASSPHRASE, make_owner, make_signature

pytestmark = pytest.mark.any_database


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs the command on the test's database."""
    monkeypatch.setenv("CAMPAIGN_INSTANCE", str(settings.instance))
    monkeypatch.setenv("CAMPAIGN_DATABASE_URL", settings.database_url)

    def call(*arguments: str, stdin: str = "", secret: str = SECRET) -> Result:
        environment = {"CAMPAIGN_SECRET_KEY": secret} if secret else {}
        result = CliRunner(env=environment).invoke(campaign, arguments, input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def filled(database: Database, keys: ServerKeys) -> Database:
    with database.session(writes=True) as db:
        make_owner(db, now=SYSTEM_CLOCK())
        make_signature(db, keys, name="Mara Example")
    return database


def boxes(database: Database) -> int:
    with database.reading() as db:
        return len(db.scalars(select(Signature.id).where(Signature.sealed.is_not(None))).all())


def is_destroyed(database: Database) -> bool:
    with database.reading() as db:
        return campaign_key.destroyed_at(db) is not None


@pytest.mark.both_databases
def test_due_rows_are_erased_and_counted(run: Any, filled: Database) -> None:
    assert "0 rows were due" in run("erase").output
    with filled.writing() as db:
        db.execute(update(Signature).values(confirmed_on=None, signed_on=date(2020, 1, 1)))
    assert "1 rows were due" in run("erase").output
    assert boxes(filled) == 0
    assert not is_destroyed(filled)


def test_after_a_jump_of_the_clock_the_command_erases_nothing_and_says_why(
    run: Any, database: Database, keys: ServerKeys
) -> None:
    with database.session(writes=True) as db:
        make_owner(db, now=SYSTEM_CLOCK() - timedelta(days=400))
        make_signature(db, keys, confirmed=False, on=date(2020, 1, 1))
    output = run("erase").output

    assert "0 rows were due" in output
    assert "nothing is erased before it has run steadily for a day" in output


@pytest.mark.parametrize("typed", ["erase\n", "yes\n", "\nno\n"])
def test_without_confirmation_nothing_is_erased(run: Any, filled: Database, typed: str) -> None:
    with pytest.raises(CampaignError, match="nothing was erased"):
        run("erase", "--everything-personal", stdin=typed)

    assert not is_destroyed(filled)
    assert boxes(filled) == 1


@pytest.mark.both_databases
@pytest.mark.parametrize(("arguments", "stdin"), [([], "ERASE\n"), (["--yes"], "")])
def test_everything_is_erased_after_confirmation(
    run: Any, filled: Database, arguments: list[str], stdin: str
) -> None:
    result = run("erase", "--everything-personal", *arguments, stdin=stdin)

    assert result.exit_code == 0
    assert "1 counted signatures" in result.output
    assert "Destroy every backup" in result.output
    assert "another secret key" in result.output
    assert boxes(filled) == 0
    with filled.reading() as db:
        assert is_destroyed(filled)
        assert not is_unfinished(db)
    assert run("recount").output == "The counts equal the rows.\n"
    with pytest.raises(ErasedError):
        run("list", "de", "--output", "never", stdin=f"Olga Organiser\n{PASSPHRASE}\n")


def test_neither_a_wrong_key_nor_a_broken_letter_prevents_erasure(
    run: Any, filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMPAIGN_APPEAL", str(tmp_path))
    run("erase", "--everything-personal", "--yes", secret="another-key-that-is-long-enough-to-be-one")

    assert is_destroyed(filled)


def test_a_folder_without_a_campaign_is_refused(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMPAIGN_DATABASE_URL", f"sqlite:///{tmp_path}/elsewhere.sqlite")

    with pytest.raises(CampaignError, match="holds no campaign"):
        run("erase", "--everything-personal", "--yes")


def test_the_secret_key_in_the_folder_and_mails_in_files_are_destroyed(
    run: Any, filled: Database, settings: Settings
) -> None:
    mail = settings.instance / "mail" / "0001-confirm.eml"
    mail.parent.mkdir()
    mail.write_text("To: mara@example.org")
    result = run("erase", "--everything-personal", "--yes", secret="")

    assert not (settings.instance / "secret_key").exists()
    assert not mail.exists()
    assert "another secret key" not in result.output
    assert run("doctor", secret="").output.count("Everything personal was erased") == 1


@pytest.mark.both_databases
def test_an_interrupted_scrub_is_continued_by_the_command(
    run: Any, filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_db: object) -> Any:
        yield 0
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("campaign.cli.erase.scrub", interrupted)
        with pytest.raises(CampaignError, match="nothing can be opened any more"):
            run("erase", "--everything-personal", "--yes")
    assert is_destroyed(filled)
    assert boxes(filled) == 1

    assert run("erase").exit_code == 0
    assert boxes(filled) == 0
