"""Settings of a deployment, read once from ``CAMPAIGN_*`` environment variables."""

import ipaddress
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from campaign import secret_key
from campaign.errors import SettingsError
from campaign.setting_reader import READERS, Network, is_loopback_host

LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a deployment may vary; each field is read from ``CAMPAIGN_<FIELD>``."""

    instance: Path = Path("instance")
    """The folder of the embedded database, the queue, and the secrets created at the first start."""

    database_url: str = ""
    """SQLAlchemy's URL; if empty, ``campaign.sqlite`` in the instance folder."""

    secret_key: str = field(default="", repr=False)
    """All keys of the server derive from it; if empty, it is read from a file."""

    secret_key_file: Path | None = None
    """The file with the secret key; if unset, systemd's credential, or ``secret_key`` in the instance."""

    base_url: str = "http://127.0.0.1:8000"
    """The public URL of the site, without a slash at the end; links in mails begin with it."""

    smtp_url: str = field(default="", repr=False)
    """The mail relay; if empty, each mail becomes a file."""

    mail_from: str = "campaign@localhost"
    """The sender of mails to signatories and delegations: an address, or ``Name <address>``."""

    appeal: Path | None = None
    """A folder that replaces the shipped content of the campaign."""

    closes_on: date | None = None
    """The last day on which the letter can be signed (UTC)."""

    confirmation_days: int = 7
    """Days until an unconfirmed signature is erased."""

    erase_months_after_close: int = 6
    """Months from the close until all personal data is erased."""

    trusted_proxies: int = 0
    """Number of our own proxies in front of the server, which set ``X-Forwarded-*``."""

    unlimited_networks: tuple[Network, ...] = ()
    """Networks without rate limits, such as that of a conference."""

    metrics_networks: tuple[Network, ...] = LOOPBACK
    """Networks that may read ``/metrics``; for all others the page does not exist."""

    count_minutes: int = 15
    """Minutes between two turns (UTC) at which public figures may move; they divide a day. 0: each minute."""

    count_step: int = 5
    """Signatures or withdrawals that move a public figure together; when the day is over any number does."""

    log_format: str = "text"
    """Format of the log: ``text``, or ``json`` with one object per line."""

    @property
    def shows_every_act(self) -> bool:
        """Whether public figures move with each signature, which is for campaigns that endanger nobody."""
        return self.count_minutes == 0 and self.count_step == 1

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the site."""
        return is_loopback_host(urlsplit(self.base_url).hostname or "")

    @property
    def is_secure(self) -> bool:
        """Whether supporters reach the site over TLS."""
        return self.base_url.startswith("https://")


def load(environment: Mapping[str, str] = os.environ, *, creates: bool = True) -> Settings:
    """Read the settings; without a configured secret key, create one at the first start.

    Args:
        environment: Has the settings.
        creates: Let a campaign begin; otherwise the embedded database must be there.

    Raises:
        SettingsError: A setting is invalid; the message names it in one line.
    """
    given: dict[str, Any] = {}
    for each in fields(Settings):
        text = environment.get(f"CAMPAIGN_{each.name.upper()}", "").strip()
        if text:
            try:
                given[each.name] = READERS.get(each.name, str)(text)
            except (OSError, ValueError) as error:
                problem = " ".join(str(error).split())
                raise SettingsError(f"CAMPAIGN_{each.name.upper()}: {problem}") from error
    _refuse_unknown(environment)
    settings = Settings(**given)
    _check_mail(settings)
    folder = settings.instance.absolute()
    if not (creates or settings.database_url or (folder / "campaign.sqlite").exists()):
        raise SettingsError(
            f"CAMPAIGN_INSTANCE: there is no campaign in {folder}; `campaign serve` begins one"
        )
    make_instance(folder)
    key, file = secret_key.find(settings.secret_key, settings.secret_key_file, folder, environment)
    return replace(
        settings,
        instance=folder,
        database_url=settings.database_url or f"sqlite:///{folder / 'campaign.sqlite'}",
        secret_key=key,
        secret_key_file=file,
    )


def make_instance(folder: Path) -> None:
    """Create the instance folder, closed to other users of the machine.

    Raises:
        SettingsError: The folder cannot be created or written to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".writable-{secrets.token_hex(4)}"
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as error:
        raise SettingsError(f"CAMPAIGN_INSTANCE: cannot write to {folder} ({error.strerror})") from error


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {f"CAMPAIGN_{each.name.upper()}" for each in fields(Settings)}
    if unknown := {name for name in environment if name.startswith("CAMPAIGN_")} - known:
        raise SettingsError(f"{min(unknown)}: this setting does not exist")


def _check_mail(settings: Settings) -> None:
    if not settings.smtp_url and not settings.is_loopback:
        raise SettingsError(f"CAMPAIGN_SMTP_URL: is needed, since {settings.base_url} is not on loopback")
