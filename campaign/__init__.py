"""A letter campaign for personal sanctions: supporters sign and confirm, organisers deliver."""

from typing import TYPE_CHECKING

from campaign.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from flask import Flask

    from campaign.settings import Settings

__version__ = "0.1.0"


def create_app(settings: "Settings", *, clock: Clock = SYSTEM_CLOCK) -> "Flask":
    """Return the web application, and migrate its database.

    Raises:
        SettingsError: A setting is invalid.
        AppealError: The appeal's content is broken.
    """
    # Imported here to keep `import campaign` fast.
    from campaign.web.application import build

    return build(settings, clock)
