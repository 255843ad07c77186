"""The pictures of shared links; they show neither a count nor anything about a person."""

import hashlib

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaign.reference.language import Language
from campaign.reference.participating_state import ParticipatingState
from campaign.web import share_picture
from campaign.web.share_picture import Card
from campaign.web.site import letter_to, site
from campaign.web.supporter.blueprint import bp

RETRY_SECONDS = 2
"""Value of ``Retry-After`` while too many pictures are wanted at once."""

SECONDS_CACHED = 7 * 24 * 60 * 60
"""A week: a changed letter's subject reaches shared links that late."""


@bp.get("/share/<language:language>/<state:state>.png")
def share_letter(language: Language, state: ParticipatingState) -> ResponseReturnValue:
    """Send the picture for links to the letter to *state*."""
    letter = letter_to(state, language)
    return _sent(
        Card(
            name=site().appeal.in_language(language.code).title,
            kicker=_("Letter to the delegation"),
            heading=state.name(language.code),
            text=letter.subject,
            state_code=state.code,
        )
    )


@bp.get("/share/<language:language>/all.png")
def share_home(language: Language) -> ResponseReturnValue:
    """Send the picture for links to the home page."""
    appeal = site().appeal.in_language(language.code)
    return _sent(Card(name=appeal.title, kicker="", heading=_("57 States, 57 letters"), text=appeal.summary))


def _sent(card: Card) -> Response:
    png = share_picture.draw(card)
    if png is None:
        return Response(status=503, headers={"Retry-After": str(RETRY_SECONDS)})
    response = Response(png, mimetype="image/png")
    response.headers["Cache-Control"] = f"public, max-age={SECONDS_CACHED}"
    response.set_etag(hashlib.blake2b(png, digest_size=12).hexdigest())
    response.make_conditional(request)
    return response
