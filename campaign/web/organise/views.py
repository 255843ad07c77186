"""All that lies behind the door."""

from flask import Flask

from campaign.web.organise import (  # noqa: F401 -- a module adds its views by being loaded
    account,
    bp,
    checks,
    dashboard,
    delegations,
    deliveries,
    door,
    joining,
    lists,
    member,
    notices,
    recovery,
    requests,
    safety,
    second_factor,
    signatures,
)


def init_app(app: Flask) -> None:
    """Add every view behind the door, and the door, to *app*."""
    app.register_blueprint(bp)
