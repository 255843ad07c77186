"""Where the server's secret key comes from: a setting, a file, systemd, or the instance folder."""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from campaign.errors import SettingsError

MIN_CHARACTERS = 32
"""A key from ``secrets.token_urlsafe(32)`` has 43."""

NAME = "secret_key"
"""Of the file in the instance folder, and of systemd's credential."""


def find(
    given: str, file: Path | None, instance: Path, environment: Mapping[str, str]
) -> tuple[str, Path | None]:
    """Return the key, and the file that it was read from.

    Args:
        given: ``CAMPAIGN_SECRET_KEY``.
        file: ``CAMPAIGN_SECRET_KEY_FILE``.
        instance: The folder in which a key is made if there is none elsewhere.
        environment: Names the folder of systemd's credentials.

    Raises:
        SettingsError: A key cannot be used, or two are given.
    """
    if given and file:
        raise SettingsError("CAMPAIGN_SECRET_KEY_FILE: CAMPAIGN_SECRET_KEY is set too; set one of them")
    if given:
        return given, None
    if file:
        return read(file), file
    credential = Path(environment.get("CREDENTIALS_DIRECTORY", "/nowhere")) / NAME
    if credential.exists():
        # systemd's own access rules protect it; its mode differs between versions.
        return _read(credential, "CAMPAIGN_SECRET_KEY"), credential
    path = instance / NAME
    return _read_or_make(path), path


def read(path: Path) -> str:
    """Return the key in a file outside the instance folder.

    Raises:
        SettingsError: Other users of the machine can read or change it, or it is no key.
    """
    with suppress(OSError):
        if path.stat().st_mode & 0o077:
            raise SettingsError(
                f"CAMPAIGN_SECRET_KEY_FILE: other users can read or change {path}; run `chmod 600` on it"
            )
    return _read(path, "CAMPAIGN_SECRET_KEY_FILE")


def check(text: str) -> str:
    """Return *text*.

    Raises:
        ValueError: It is too short for a key.
    """
    if len(text) < MIN_CHARACTERS:
        raise ValueError(f"has fewer than {MIN_CHARACTERS} characters; try `openssl rand -base64 32`")
    return text


def make(path: Path) -> None:
    """Create *path* with a new key, atomically: of several starting processes one succeeds."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        with suppress(FileExistsError):
            path.hardlink_to(unfinished)
    finally:
        unfinished.unlink()


def _read_or_make(path: Path) -> str:
    try:
        if not path.exists():
            make(path)
    except OSError as error:
        raise SettingsError(f"CAMPAIGN_SECRET_KEY: {path} cannot be made ({error.strerror})") from error
    return _read(path, "CAMPAIGN_SECRET_KEY")


def _read(path: Path, setting: str) -> str:
    try:
        return check(path.read_text().strip())
    except OSError as error:
        raise SettingsError(f"{setting}: {path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        # A decoding error would quote bytes of the key.
        reason = "is not text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise SettingsError(f"{setting}: {path} {reason}") from None
