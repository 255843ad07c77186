"""The doctor's findings, each on a machine or in a campaign with that fault."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from campaign.appeal.content import Appeal
from campaign.database.session import Database
from campaign.mail import outbox, outbox_health, retry
from campaign.operations.doctor import examine as doctor
from campaign.operations.doctor import machine
from campaign.organiser import campaign_key_change
from campaign.organiser.audit_log import AuditEntry, record
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature import recount
from campaign.signature.link import request_links
from tests.conftest import NOW
from tests.support import fork_server
from tests.support.driver import python_path
from tests.support.factories import make_owner
from tests.support.relay import breaking_relay, free_port, relay
from tests.support.translated import add_language, english_folder

Examine = Callable[..., dict[str, bool]]


@pytest.fixture
def examine(settings: Settings, appeal: Appeal, database: Database) -> Examine:
    """Return a function that examines the site with changed settings."""

    def call(now: Any = NOW, **changes: Any) -> dict[str, bool]:
        findings = doctor.examine(replace(settings, **changes), appeal, database, now=now)
        return {finding.text: finding.is_serious for finding in findings}

    return call


def about(found: dict[str, bool], words: str) -> list[bool]:
    """Return whether each finding with this text is serious."""
    return [is_serious for text, is_serious in found.items() if words in text]


@pytest.mark.any_database
def test_a_change_of_the_campaigns_key_that_is_due_is_found(examine: Examine, db: Session) -> None:
    make_owner(db)
    assert about(examine(), "has left") == []
    campaign_key_change.mark_due(db, now=NOW)
    db.commit()

    assert about(examine(), "has left") == [True]


@pytest.mark.any_database
def test_the_languages_offered_are_named_and_those_of_which_half_is_there(
    examine: Examine, appeal: Appeal, tmp_path: Path
) -> None:
    assert f"Languages: {', '.join(each.code for each in appeal.languages)}." in examine()
    assert about(examine(), "is not offered in") == []
    folder = english_folder(tmp_path / "appeal")
    for code in ("de", "fr", "kk"):
        add_language(folder, code)
    (folder / "fr.toml").unlink()
    (folder / "letters" / "kk.txt").unlink()

    found = examine(appeal=folder)

    for code, file in (("fr", folder / "fr.toml"), ("kk", folder / "letters" / "kk.txt")):
        assert about(found, f"The campaign is not offered in {code}: there is no {file}.") == [False]
    assert about(found, "is not offered in de") == []


@pytest.mark.any_database
def test_texts_in_a_language_that_the_program_does_not_have_are_named(
    examine: Examine, tmp_path: Path
) -> None:
    assert about(examine(), "is not used") == []
    folder = english_folder(tmp_path / "appeal")
    (folder / "pl.toml").touch()
    (folder / "letters" / "DE.txt").touch()

    found = examine(appeal=folder)

    for file, name in ((folder / "pl.toml", "pl"), (folder / "letters" / "DE.txt", "DE")):
        assert about(found, f"{file} is not used: the program has no language “{name}”.") == [False]


@pytest.mark.any_database
def test_mails_that_close_signing_are_found(
    examine: Examine, monkeypatch: pytest.MonkeyPatch, db: Session, keys: ServerKeys
) -> None:
    assert about(examine(), "No letter can be signed") == []
    monkeypatch.setattr(outbox_health, "MOST_DUE", 0)
    request_links(db, "mara@example.org", language="en", keys=keys, now=NOW)
    db.commit()

    assert about(examine(), "No letter can be signed") == [True]


def test_a_broken_chain_of_the_audit_log_is_found(examine: Examine, db: Session) -> None:
    make_owner(db)
    assert about(examine(), "audit log") == []
    db.execute(update(AuditEntry).values(organiser="Pavel"))
    db.commit()

    assert about(examine(), "The audit log was changed from outside: what follows its entry 0") == [True]


@pytest.mark.any_database
def test_settings_that_do_not_fit_together_are_found(examine: Examine) -> None:
    public = {"base_url": "https://letters.example.org"}
    wrong = examine(**public)
    right = examine(**public, trusted_proxies=1)

    assert about(wrong, "CAMPAIGN_TRUSTED_PROXIES is 0") == [True]
    assert about(right, "CAMPAIGN_TRUSTED_PROXIES") == []
    assert about(examine(trusted_proxies=1), "visitors can forge their addresses") == [False]
    assert about(wrong, "CAMPAIGN_CLOSES_ON") == [True]
    assert about(examine(metrics_networks=(ip_network("::/0"),)), "everybody read /metrics") == [True]
    assert about(right, "on loopback") == []


@pytest.mark.any_database
def test_a_relay_that_accepts_the_login_gets_no_mail(examine: Examine) -> None:
    with relay(asks_login=True) as post_office:
        url = post_office.url.replace("//", "//campaign:right@")
        assert about(examine(smtp_url=url), "does not accept our connection") == []
        assert post_office.logins == [("campaign", "right")]
        wrong = examine(smtp_url=url.replace("right", "wrong"))

        assert about(wrong, "does not accept our connection: 535") == [True]
        assert "wrong@" not in str(wrong)
        assert post_office.received == []


@pytest.mark.any_database
def test_a_relay_that_cannot_be_reached_or_greets_badly_is_found(examine: Examine) -> None:
    unreachable = examine(smtp_url=f"smtp://127.0.0.1:{free_port()}")
    assert about(unreachable, "the mail relay at 127.0.0.1 does not accept our connection") == [True]
    for word, action in (("BANNER", "554 not you"), ("EHLO", "cut")):
        with breaking_relay(word, action) as broken:
            assert about(examine(smtp_url=broken.url), "does not accept our connection") == [True]


@pytest.mark.any_database
def test_the_dns_records_to_check_are_those_of_the_senders_domain(examine: Examine) -> None:
    with relay() as post_office:
        found = examine(smtp_url=post_office.url, mail_from="Letters <post@mail.example.org>")
        nowhere = examine(smtp_url=post_office.url, mail_from="campaign@localhost")

    for name in ("TXT mail.example.org`", "._domainkey.mail.example.org`", "TXT _dmarc.mail.example.org`"):
        assert about(found, name) == [False], name
    assert about(nowhere, "CAMPAIGN_MAIL_FROM has no domain") == [True]


@pytest.mark.any_database
def test_a_sender_or_a_site_that_names_the_cause_is_found(examine: Examine) -> None:
    named = examine(mail_from="Women <post@letters.example.org>", base_url="https://kazakhstan.example.org")
    neutral = examine(mail_from="Letters <post@letters.example.org>", base_url="https://letters.example.org")

    assert about(named, "CAMPAIGN_MAIL_FROM has the word “women”") == [False]
    assert about(named, "CAMPAIGN_BASE_URL has the word “kazakhstan”") == [False]
    assert about(neutral, "has the word") == []


@pytest.mark.any_database
def test_a_relay_without_smtputf8_is_found(examine: Examine) -> None:
    with relay(enable_SMTPUTF8=False) as old, relay() as new:
        assert about(examine(smtp_url=old.url), "does not offer SMTPUTF8") == [False]
        assert about(examine(smtp_url=new.url), "does not offer SMTPUTF8") == []


def test_a_clock_that_differs_from_the_databases_is_found(
    examine: Examine, database: Database, db: Session
) -> None:
    with database.reading() as reading:
        right = machine.database_clock(reading)
    for hours, word in ((1, "ahead of"), (-1, "behind")):
        found = about(
            examine(now=right + timedelta(hours=hours)), f"clock is 60 minutes {word} the database's"
        )
        assert found == ([] if database.is_sqlite else [True])
    assert about(examine(now=right), "clock") == []

    record(db, "Olga Organiser", "log in", now=right + timedelta(minutes=90))
    db.commit()
    assert about(examine(now=right), "a time that is 90 minutes in the future") == [True]


@pytest.mark.any_database
def test_stuck_mail_failed_mail_and_miscounts_are_found(
    examine: Examine, db: Session, keys: ServerKeys
) -> None:
    def put() -> Any:
        about_it = {"purpose": "confirm", "language": "en", "params": {}}
        return outbox.add(db, keys, recipient="mara@example.org", now=NOW, **about_it)  # type: ignore[arg-type]

    put()
    retry.give_up(db, put(), code=550)
    db.commit()
    assert about(examine(), "mails wait") == []
    later = examine(now=NOW + timedelta(minutes=20))

    assert about(later, "1 mails wait, the oldest for 20 minutes") == [True]
    assert about(later, "1 mails could not be delivered") == [False]
    assert "mara@example.org" not in str(later)
    recount.save_fact(db, "recount", f"{NOW.isoformat()} 3")
    make_owner(db)
    assert about(examine(), "found 3 differences") == [True]


@pytest.mark.any_database
def test_a_full_disk_few_files_and_a_folder_for_all_to_read_end_the_command_with_status_1(
    settings: Settings, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert about(examine(), "chmod 700") == []
    settings.instance.chmod(0o750)
    monkeypatch.setattr(machine, "LOW_DISK_BYTES", 2**62)
    found = examine()
    assert about(found, "chmod 700") == [True]
    assert about(found, "Less than 1 GB is free") == [True, True], "the database lies in another folder"

    environment = {
        "CAMPAIGN_INSTANCE": str(settings.instance),
        "CAMPAIGN_DATABASE_URL": settings.database_url,
        "CAMPAIGN_SECRET_KEY": settings.secret_key,
        "PYTHONPATH": python_path(settings.database_url),
    }
    done = fork_server.run("tests.support.limited", "RLIMIT_NOFILE", "900", "doctor", env=environment)
    assert done.returncode == 1, done.stderr
    assert "! A process may open only 900 files" in done.stdout
    assert "chmod 700" in done.stdout
