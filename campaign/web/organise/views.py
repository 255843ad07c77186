"""All that lies behind the door."""

from flask import Flask

from campaign.web.organise import (  # noqa: F401 -- a module adds its views by being loaded
    access,
    account,
    approval,
    audit,
    checks,
    dashboard,
    data_requests,
    delegations,
    deliveries,
    lists,
    login,
    member,
    notices,
    recovery,
    safety,
    second_factor,
    setup,
)
from campaign.web.organise.blueprint import bp


def init_app(app: Flask) -> None:
    """Add every view behind the door, and the door, to *app*."""
    app.register_blueprint(bp)
