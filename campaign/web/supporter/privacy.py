"""The privacy notice."""

from flask import render_template
from flask.typing import ResponseReturnValue

from campaign.reference import residence
from campaign.reference.language import Language
from campaign.reference.participating_state import states_in_order
from campaign.signature.announcement import digests_due_on
from campaign.web.site import is_open, site
from campaign.web.supporter.blueprint import bp


@bp.get("/<language:language>/privacy")
def privacy(language: Language) -> ResponseReturnValue:
    """Tell data subjects which data is stored by whom, why and for how long."""
    appeal, settings, closes_on = site().appeal, site().settings, site().closes_on
    return render_template(
        "supporter/privacy.html",
        is_open=is_open(),
        confirmation_days=settings.confirmation_days,
        erase_months_after_close=settings.erase_months_after_close,
        closes_on=closes_on,
        forgotten_on=digests_due_on(closes_on, settings.confirmation_days) if closes_on else None,
        endangered=residence.choices(language.code, appeal.endangered_residences),
        withheld_names=[
            state.name(language.code)
            for state in states_in_order(language)
            if state.code in appeal.no_names_to
        ],
    )
