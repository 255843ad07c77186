"""A letter: its page with the form, its text and its PDF."""

import io

from flask import Response
from flask.typing import ResponseReturnValue

from campaign.reference.language import Language
from campaign.reference.participating_state import ParticipatingState
from campaign.signature_list import pdf_letter
from campaign.web.site import letter_to
from campaign.web.supporter.blueprint import bp
from campaign.web.supporter.letter_page import render_letter, signature_form


@bp.get("/<language:language>/letters/<state:state>")
def letter(language: Language, state: ParticipatingState) -> ResponseReturnValue:
    """Show the letter to *state*'s delegation, with the form that signs it."""
    return render_letter(language, state, signature_form())


@bp.get("/<language:language>/letters/<state:state>.txt")
def letter_text(language: Language, state: ParticipatingState) -> ResponseReturnValue:
    """Send the letter as text: the exact bytes whose SHA-256 a delivery stores."""
    return Response(letter_to(state, language).text(), mimetype="text/plain")


@bp.get("/<language:language>/letters/<state:state>.pdf")
def letter_pdf(language: Language, state: ParticipatingState) -> ResponseReturnValue:
    """Send the letter as a PDF."""
    file = io.BytesIO()
    pdf_letter.write_letter(file, letter_to(state, language))
    response = Response(file.getvalue(), mimetype="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename=f"letter-{state.code}-{language.code}.pdf")
    return response
