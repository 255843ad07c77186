"""Another ``SECRET_KEY``: what belongs to it is taken over, and an interruption anywhere loses nothing."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.cli.main import campaign
from campaign.database.session import Database
from campaign.errors import SettingsError, WrongKeyError
from campaign.mail import outbox
from campaign.mail.outbox import OutboxMail
from campaign.operations import change_secret_key as changing
from campaign.operations.start import prepare
from campaign.organiser import audit_chain, session
from campaign.organiser.audit_log import entries
from campaign.organiser.session import OrganiserSession
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.link import request_links, send_links
from tests.conftest import NOW, SECRET
from tests.support import fork_server
from tests.support.driver import python_path
from tests.support.factories import make_owner, make_signature
from tests.support.outbox import mails

NEW = "another-made-up-secret-key-for-tests-0123456789"

Run = Callable[..., Result]


def load(db: Session, secret: str) -> ServerKeys:
    keys = ServerKeys.load(db, secret)
    assert keys is not None
    return keys


def test_waiting_mails_and_digests_are_taken_over(db: Session, database: Database, keys: ServerKeys) -> None:
    made = make_signature(db, keys, email="mara@example.org")
    request_links(db, "mara@example.org", language="en", keys=keys, now=NOW)
    db.commit()

    assert changing.change(database, SECRET, NEW, now=NOW)

    after = load(db, NEW)
    [mail] = db.scalars(select(OutboxMail))
    db.refresh(mail)
    assert outbox.content(after, mail).recipient == "mara@example.org"
    with pytest.raises(WrongKeyError):
        outbox.content(keys, mail)
    assert after.digest == keys.digest
    send_links(db, made.email, language="en", keys=after, is_sensitive=bool, now=NOW)
    assert [sent.purpose for sent in mails(db, after)].count("links") == 1


def test_nothing_opens_with_the_old_key_any_more(db: Session, database: Database, keys: ServerKeys) -> None:
    cookie = session.start(db, make_owner(db), keys=keys, now=NOW)
    db.commit()
    changing.change(database, SECRET, NEW, now=NOW)
    db.expire_all()

    with pytest.raises(WrongKeyError):
        ServerKeys.load(db, SECRET)
    assert db.scalar(select(func.count()).select_from(OrganiserSession)) == 0
    with pytest.raises(WrongKeyError):
        session.resume(db, cookie, keys=keys, now=NOW)
    assert "change secret key" in [entry.act for entry in entries(db)]
    assert audit_chain.verify(db, load(db, NEW).audit) is None
    assert audit_chain.verify(db, keys.audit) is not None


def test_the_site_starts_with_the_new_key_alone(
    database: Database, settings: Settings, appeal: Appeal
) -> None:
    changing.change(database, SECRET, NEW, now=NOW)

    with pytest.raises(SettingsError, match="CAMPAIGN_SECRET_KEY"):
        prepare(database, settings, appeal, now=NOW)
    assert prepare(database, Settings(secret_key=NEW, instance=settings.instance), appeal, now=NOW)


@pytest.mark.any_database
def test_a_mail_that_was_altered_does_not_prevent_the_change(
    db: Session, database: Database, keys: ServerKeys
) -> None:
    for number in range(2):
        request_links(db, f"mara{number}@example.org", language="en", keys=keys, now=NOW)
    altered, other = db.scalars(select(OutboxMail)).all()
    altered.sealed = b"something else"
    db.commit()

    assert changing.change(database, SECRET, NEW, now=NOW)

    db.refresh(other)
    assert outbox.content(load(db, NEW), other)


@pytest.mark.any_database
def test_a_key_that_the_database_never_had_changes_nothing(database: Database, db: Session) -> None:
    with pytest.raises(SettingsError, match="another key"):
        changing.change(database, "a-third-made-up-secret-key-0123456789", NEW, now=NOW)

    assert load(db, SECRET)


@pytest.fixture
def run(settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a function that runs a command on a site whose key is in its instance folder."""
    (settings.instance / "secret_key").write_text(SECRET)

    def call(*arguments: str, secret: str = "") -> Result:
        database.close()
        environment = {
            "CAMPAIGN_INSTANCE": str(settings.instance),
            "CAMPAIGN_DATABASE_URL": settings.database_url,
            "CAMPAIGN_SECRET_KEY": secret or None,
        }
        return CliRunner().invoke(campaign, arguments, env=environment)

    return call


def key_in_file(settings: Settings) -> str:
    return (settings.instance / "secret_key").read_text()


@pytest.mark.any_database
def test_the_command_makes_a_key_and_puts_it_in_place(
    settings: Settings, database: Database, run: Run
) -> None:
    result = run("change-secret-key")

    assert result.exit_code == 0, result.output
    new = key_in_file(settings)
    assert new != SECRET
    assert new not in result.output
    assert not (settings.instance / "secret_key.new").exists()
    with database.reading() as db:
        assert load(db, new)


@pytest.mark.any_database
@pytest.mark.parametrize("step", ["change", "replace_file"])
def test_a_command_killed_before_any_step_can_be_run_again(
    settings: Settings, run: Run, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(changing, step, lambda *_, **__: sys.exit(9))
        assert run("change-secret-key").exit_code == 9
    unfinished = (settings.instance / "secret_key.new").read_text()
    assert key_in_file(settings) == SECRET

    assert run("change-secret-key").exit_code == 0
    assert key_in_file(settings) == unfinished
    assert run("recount").exit_code == 0


@pytest.mark.any_database
def test_a_key_from_elsewhere_takes_the_new_one_from_a_file(
    database: Database, run: Run, tmp_path: Path
) -> None:
    assert isinstance(run("change-secret-key", secret=SECRET).exception, SettingsError)
    file = tmp_path / "new-key"
    file.touch(mode=0o600)
    file.write_text(NEW)

    assert run("change-secret-key", "--to", str(file), secret=SECRET).exit_code == 0
    assert "has this key already" in run("change-secret-key", "--to", str(file), secret=SECRET).output
    assert file.read_text() == NEW
    with database.reading() as db:
        assert load(db, NEW)


@contextmanager
def other_process(what: str, where: str, settings: Settings) -> Iterator[None]:
    """Let another process use the campaign while the block lasts."""
    reading, writing = os.pipe()
    environment = os.environ | {"PYTHONPATH": python_path(settings.database_url)}
    with os.fdopen(reading) as said, os.fdopen(writing, "wb") as output:
        process = fork_server.start(
            "tests.operations.other_process", what, where, env=environment, stdout=output, stderr=sys.stderr
        )
        output.close()
        try:
            assert said.readline() == "begun\n"
            yield
        finally:
            process.kill()
            process.wait()


@pytest.mark.any_database
def test_while_the_site_is_served_from_this_folder_the_change_is_refused(
    settings: Settings, run: Run
) -> None:
    with other_process("folder", str(settings.instance), settings):
        result = run("change-secret-key")

    assert isinstance(result.exception, SettingsError)
    assert key_in_file(settings) == SECRET


def test_while_another_process_uses_the_database_the_change_is_refused(settings: Settings, run: Run) -> None:
    with other_process("database", settings.database_url, settings):
        result = run("change-secret-key")

    assert isinstance(result.exception, SettingsError)
    assert "stop it first" in str(result.exception)
    assert key_in_file(settings) == SECRET
    assert run("change-secret-key").exit_code == 0
