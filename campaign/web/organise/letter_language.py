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
    chosen = _chosen()
    offered = {each.code: each for each in languages(site().appeal, state)}
    return offered[chosen] if chosen in offered else abort(404)


def preview_url(state: ParticipatingState) -> str:
    """Return the address of the preview in the language that was chosen."""
    chosen = _chosen()
    return url_for(".prepare_delivery", state=state, letter=chosen if chosen != ENGLISH.code else None)


def _chosen() -> str:
    return request.form.get("letter") or request.args.get("letter", ENGLISH.code)
