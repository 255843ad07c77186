"""The accessibility statement."""

from flask import render_template
from flask.typing import ResponseReturnValue

from campaign.reference.language import Language
from campaign.web.supporter.blueprint import bp


@bp.get("/<language:language>/accessibility")
def accessibility(language: Language) -> ResponseReturnValue:
    """Say what works for people with disabilities, what does not, and whom to tell."""
    del language
    return render_template("supporter/accessibility.html")
