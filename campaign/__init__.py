"""A letter campaign for personal sanctions: pick a state, sign, confirm, be counted; organisers deliver."""

from typing import TYPE_CHECKING

from campaign.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from flask import Flask

    from campaign.settings import Settings

__version__ = "0.1.0"


def create_app(settings: "Settings", *, clock: Clock = SYSTEM_CLOCK) -> "Flask":
    """Return the web application, with its database brought up to date.

    Raises:
        SettingsError: A setting cannot work.
        AppealError: The appeal's content is broken.
    """
    # Imported here, so that `import campaign` alone stays light.
    from campaign.web.application import build

    return build(settings, clock)
