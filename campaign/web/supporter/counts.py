"""The counts as JSON."""

from flask import jsonify
from flask.typing import ResponseReturnValue

from campaign.web.site import site
from campaign.web.supporter.blueprint import bp


@bp.get("/counts.json")
def counts() -> ResponseReturnValue:
    """Send the counts, which any site may show."""
    snapshot = site().snapshots.current()
    response = jsonify(
        total=snapshot.total, states=snapshot.by_state, as_of=snapshot.as_of.isoformat(timespec="seconds")
    )
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cache-Control"] = "public, max-age=1"
    return response
