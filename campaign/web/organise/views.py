"""All views of the organisers' pages."""

from flask import Flask

from campaign.web.organise import (  # noqa: F401 -- importing a module registers its views
    access,
    account,
    again,
    approval,
    audit,
    checks,
    closing,
    dashboard,
    data_requests,
    delegations,
    deliveries,
    language,
    lists,
    login,
    member,
    notices,
    passphrase,
    promotion,
    recovery,
    restored,
    safety,
    second_factor,
    setup,
    translations,
)
from campaign.web.organise.blueprint import bp


def init_app(app: Flask) -> None:
    """Register the organisers' pages."""
    app.register_blueprint(bp)
