"""The language that an organiser chose for a delivery: ``?letter=de`` in the address of its preview."""

from flask import abort, request, url_for

from campaign.delivery.plan import languages
from campaign.reference.language import ENGLISH, Language
from campaign.reference.participating_state import ParticipatingState
from campaign.web.site import site


def letter_language(state: ParticipatingState) -> Language:
    """Return the language in which the letter to *state* is to be delivered; English unless chosen."""
    chosen = request.args.get("letter", ENGLISH.code)
    offered = {each.code: each for each in languages(site().appeal, state)}
    return offered[chosen] if chosen in offered else abort(404)


def preview_url(state: ParticipatingState) -> str:
    """Return the address of the preview in the language that was chosen."""
    return url_for(".prepare_delivery", state=state, letter=request.args.get("letter"))
