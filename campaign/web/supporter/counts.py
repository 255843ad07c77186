"""The counts as JSON."""

from flask import jsonify
from flask.typing import ResponseReturnValue

from campaign.web.site import site
from campaign.web.supporter.blueprint import bp


@bp.get("/counts.json")
def counts() -> ResponseReturnValue:
    """Send the counts, which any site may show."""
    figures = site().snapshots.current().count
    response = jsonify(
        total=figures.total, states=figures.by_state, as_of=figures.as_of.isoformat(timespec="seconds")
    )
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
