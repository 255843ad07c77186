import re
from dataclasses import fields
from pathlib import Path

import pytest

from campaign.errors import SettingsError
from campaign.settings import Settings, load

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


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_URL", "mysql://x"),
        ("SECRET_KEY", "short"),
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
