"""Every view of the supporters' pages."""

from campaign.web.supporter import (  # noqa: F401 -- a module registers its views when it is imported
    accessibility,
    counts,
    embed,
    feed,
    find_signature,
    home,
    letter,
    person,
    privacy,
    progress,
    share,
    sign,
    signature,
    verify,
)
from campaign.web.supporter.blueprint import bp, private_bp

BLUEPRINTS = (bp, private_bp)
