"""The card that other sites embed."""

from flask import Response, render_template, url_for
from flask.typing import ResponseReturnValue

from campaign.reference.language import Language
from campaign.reference.participating_state import ParticipatingState
from campaign.web.serving import headers
from campaign.web.site import is_open, site
from campaign.web.supporter.blueprint import bp


@bp.get("/<language:language>/embed/<state:state>")
def embed(language: Language, state: ParticipatingState) -> ResponseReturnValue:
    """Show the count of a letter and a link to it; other sites may frame this page."""
    figures = site().snapshots.current().count
    page = render_template(
        "supporter/embed.html",
        state=state,
        count=figures.by_state.get(state.code, 0),
        as_of=figures.as_of,
        is_open=is_open(),
        letter_url=site().settings.base_url + url_for(".letter", language=language, state=state),
    )
    response = Response(page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = headers.content_security_policy(may_be_framed=True)
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
