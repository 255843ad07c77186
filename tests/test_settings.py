import os
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from shutil import which

import pytest

from campaign.errors import SettingsError
from campaign.settings import Settings, load
from tests.support.docs import OPERATE, commands, file_in_commands

ROOT = Path(__file__).parent.parent


def test_without_settings_the_embedded_defaults_apply(tmp_path: Path) -> None:
    settings = load({"CAMPAIGN_INSTANCE": str(tmp_path / "instance")})

    assert settings.database_url == f"sqlite:///{tmp_path}/instance/campaign.sqlite"
    assert len(settings.secret_key) >= 32
    assert settings.is_loopback


def test_the_secret_key_is_created_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    environment = {"CAMPAIGN_INSTANCE": str(tmp_path / "instance")}
    first, second = load(environment), load(environment)

    assert first.secret_key == second.secret_key
    path = tmp_path / "instance" / "secret_key"
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_printed_settings_contain_no_secrets() -> None:
    shown = repr(Settings(secret_key="s3cret", smtp_url="smtp://u:hunter2@relay"))

    assert "s3cret" not in shown
    assert "hunter2" not in shown


def given_key(path: Path, *, mode: int = 0o600) -> str:
    path.write_text("a made-up key from a file, long enough\n")
    path.chmod(mode)
    return str(path)


def test_a_key_from_a_file_elsewhere_leaves_none_in_the_instance(tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    key = given_key(tmp_path / "key")

    settings = load({"CAMPAIGN_INSTANCE": str(instance), "CAMPAIGN_SECRET_KEY_FILE": key})

    assert settings.secret_key == "a made-up key from a file, long enough"
    assert list(instance.iterdir()) == []


def test_a_key_from_systemds_credentials_leaves_none_in_the_instance(tmp_path: Path) -> None:
    instance, credentials = tmp_path / "instance", tmp_path / "credentials"
    credentials.mkdir()
    given_key(credentials / "secret_key", mode=0o440)

    settings = load({"CAMPAIGN_INSTANCE": str(instance), "CREDENTIALS_DIRECTORY": str(credentials)})

    assert settings.secret_key == "a made-up key from a file, long enough"
    assert list(instance.iterdir()) == []


@pytest.mark.skipif(not which("systemd-creds") or os.getuid() != 0, reason="needs systemd-creds and root")
def test_the_documented_command_encrypts_a_credential_that_the_site_reads(tmp_path: Path) -> None:
    encrypted, credentials = tmp_path / "letters.secret_key", tmp_path / "credentials"
    credentials.mkdir()
    encrypt, *_ = commands(OPERATE, "The server's key")
    # As systemd does before it starts the service.
    decrypt = f"systemd-creds decrypt --name=secret_key {encrypted} {credentials / 'secret_key'}"
    for command in (encrypt.replace("/etc/letters.secret_key", str(encrypted)), decrypt):
        subprocess.run(["sh", "-ec", command], check=True, capture_output=True)

    settings = load({"CAMPAIGN_INSTANCE": str(tmp_path / "site"), "CREDENTIALS_DIRECTORY": str(credentials)})

    assert len(settings.secret_key) == 44
    assert settings.secret_key.encode() not in encrypted.read_bytes()


def test_the_documented_settings_are_read_by_a_shell_as_by_systemd(tmp_path: Path) -> None:
    written = file_in_commands(OPERATE, "Deploy", "/etc/letters.env").splitlines()
    written += [line for line in commands(OPERATE, "PostgreSQL") if line.startswith("CAMPAIGN_")]
    file = tmp_path / "letters.env"
    file.write_text("\n".join(written))

    # As the documented command `letters` reads them.
    command = ["sh", "-ec", f"set -a; . {file}; env"]
    read = subprocess.run(
        command, check=True, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}
    )

    assert len(written) > 6
    as_systemd_does = {line.replace("'", "") for line in written}
    assert {line for line in read.stdout.splitlines() if line.startswith("CAMPAIGN_")} == as_systemd_does


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    key = given_key(tmp_path / "key", mode=mode)

    with pytest.raises(SettingsError, match=r"CAMPAIGN_SECRET_KEY_FILE: .*chmod 600") as caught:
        load({"CAMPAIGN_INSTANCE": str(tmp_path / "instance"), "CAMPAIGN_SECRET_KEY_FILE": key})
    assert "\n" not in str(caught.value)


def test_a_key_file_that_is_no_text_is_refused_without_quoting_it(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"\xff" * 64)
    key.chmod(0o600)

    with pytest.raises(SettingsError, match=r"CAMPAIGN_SECRET_KEY_FILE: .* is not text$") as caught:
        load({"CAMPAIGN_INSTANCE": str(tmp_path / "instance"), "CAMPAIGN_SECRET_KEY_FILE": str(key)})
    assert "xff" not in str(caught.value)


def test_two_keys_are_refused(tmp_path: Path) -> None:
    environment = {
        "CAMPAIGN_INSTANCE": str(tmp_path / "instance"),
        "CAMPAIGN_SECRET_KEY": "a made-up key from the environment",
        "CAMPAIGN_SECRET_KEY_FILE": given_key(tmp_path / "key"),
    }

    with pytest.raises(SettingsError, match="set one of them"):
        load(environment)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_URL", "mysql://x"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY_FILE", "/nowhere/at/all"),
        ("BASE_URL", "letters.example.org"),
        ("BASE_URL", "http://letters.example.org"),
        ("BASE_URL", "https://example.org/letters"),
        ("SMTP_URL", "relay.example.org"),
        ("SMTP_URL", "smtp://relay:port"),
        ("MAIL_FROM", "nobody"),
        ("APPEAL", "/nowhere/at/all"),
        ("CLOSES_ON", "8 March"),
        ("CONFIRMATION_DAYS", "0"),
        ("CONFIRMATION_DAYS", "seven"),
        ("ERASE_MONTHS_AFTER_CLOSE", "-1"),
        ("TRUSTED_PROXIES", "many"),
        ("UNLIMITED_NETWORKS", "10.0.0.0/99"),
        ("METRICS_NETWORKS", "the office"),
        ("LOG_FORMAT", "yaml"),
        ("COUNT_MINUTES", "7"),
        ("COUNT_MINUTES", "2880"),
        ("COUNT_STEP", "0"),
        ("SMPT_URL", "smtp://relay"),
        ("INSTANCE", "/dev/null/instance"),
    ],
)
def test_an_invalid_setting_is_named_in_one_line(tmp_path: Path, name: str, text: str) -> None:
    environment = {"CAMPAIGN_INSTANCE": str(tmp_path / "instance"), f"CAMPAIGN_{name}": text}

    with pytest.raises(SettingsError, match=f"CAMPAIGN_{name}: ") as caught:
        load(environment)
    assert "\n" not in str(caught.value)


def test_mails_as_files_are_refused_on_a_public_site(tmp_path: Path) -> None:
    environment = {"CAMPAIGN_INSTANCE": str(tmp_path), "CAMPAIGN_BASE_URL": "https://letters.example.org"}

    with pytest.raises(SettingsError, match="CAMPAIGN_SMTP_URL"):
        load(environment)


def test_every_setting_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()

    for field in fields(Settings):
        assert re.search(rf"`CAMPAIGN_{field.name.upper()}`", readme), field.name
