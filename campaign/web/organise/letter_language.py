"""The language that an organiser chose for a delivery.

It is in the address of the preview, ``?letter=de``, and a field of its forms, so that it is carried with them
while they wait for a passphrase.
"""

from flask import abort, request, url_for

from campaign.delivery.plan import languages
from campaign.reference.language import ENGLISH, Language
from campaign.reference.participating_state import ParticipatingState
from campaign.web.site import site


def letter_language(state: ParticipatingState) -> Language:
    """Return the language in which the letter to *state* is to be delivered; English unless chosen."""
    chosen = request.form.get("letter") or request.args.get("letter", ENGLISH.code)
    offered = {each.code: each for each in languages(site().appeal, state)}
    return offered[chosen] if chosen in offered else abort(404)


def preview_url(state: ParticipatingState, language: str) -> str:
    """Return the address of the preview in *language*; in English if the letter is not offered in it."""
    offered = {each.code for each in languages(site().appeal, state)} - {ENGLISH.code}
    return url_for(".prepare_delivery", state=state, letter=language if language in offered else None)
