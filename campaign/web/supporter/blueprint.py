"""The blueprints of the supporters' pages, and what holds for all their requests."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from campaign.web.serving import headers
from campaign.web.site import site

bp = Blueprint("supporter", __name__)
"""The public pages, and signing."""
bp.before_request(headers.forbid_foreign_posts)

private_bp = Blueprint("signature", __name__)
"""The signatories' private pages, and the pages that lead back to them."""
private_bp.before_request(headers.forbid_foreign_posts)


@private_bp.before_request
def answer_after_erasure() -> ResponseReturnValue | None:
    """Answer every private page with the same 410 once everything personal was erased."""
    if site().erased_on is None:
        return None
    return render_template("supporter/erased.html"), 410


@private_bp.after_request
def forbid_caching(response: Response) -> Response:
    """Forbid caches to store private pages, and search engines to index them."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
