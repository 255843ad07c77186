"""A letter campaign for personal sanctions: pick a state, sign, confirm, be counted; organisers deliver."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from campaign.settings import Settings

__version__ = "0.1.0"


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def create_app(settings: "Settings", *, clock: Callable[[], datetime] = now) -> "Flask":
    """Return the web application, with its database brought up to date.

    Raises:
        SettingsError: A setting cannot work.
        AppealError: The appeal's content is broken.
    """
    # Imported here, so that `import campaign` alone stays light.
    from campaign.web.application import build

    return build(settings, clock)
