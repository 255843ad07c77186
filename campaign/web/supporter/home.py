"""The home page: the call, the choice of a letter, the women, and the five officials."""

from flask import jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.reference.language import Language
from campaign.reference.participating_state import STATES, state_named, states_in_order
from campaign.reference.sprig import Bloom
from campaign.web.serving.language import preferred_language
from campaign.web.site import is_open, site, still_until
from campaign.web.supporter.blueprint import bp


@bp.get("/")
def root() -> ResponseReturnValue:
    """Redirect to the home page in the language that the browser asks for."""
    response = redirect(url_for(".home", language=preferred_language()), 302)
    response.vary.add("Accept-Language")
    return response


@bp.get("/<language:language>/")
def home(language: Language) -> ResponseReturnValue:
    """Show the call, the picker, the women, the five officials and the count."""
    return _render_home(language)


@bp.get("/state-names.json")
def state_names() -> ResponseReturnValue:
    """Send the names of each state in all languages, by which the picker finds it."""
    return jsonify({state.code: state.known_as for state in STATES.values()})


@bp.get("/<language:language>/letters")
def choose_letter(language: Language) -> ResponseReturnValue:
    """Redirect from the picker to the chosen letter."""
    if "state" not in request.args:  # the address was typed
        return redirect(url_for(".home", language=language, _anchor="states"), 302)
    chosen = request.args["state"].strip()
    if not chosen:
        return _render_home(language, fault=gettext("Choose a State first.")), 422
    state = STATES.get(chosen.lower()) or state_named(chosen)
    if state is None:
        fault = gettext("No participating State has this name. Choose one from the list.")
        return _render_home(language, fault=fault), 422
    return redirect(url_for(".letter", language=language, state=state), 303)


def _render_home(language: Language, *, fault: str = "") -> str:
    """Return the home page; *fault* says what is wrong with the choice in the picker."""
    figures = site().snapshots.current().count
    return render_template(
        "supporter/home.html",
        states=states_in_order(language),
        blooms={code: Bloom(count) for code, count in figures.by_state.items()},
        total=figures.total,
        as_of=figures.as_of,
        is_open=is_open(),
        closes_on=site().closes_on,
        still_until=still_until(),
        fault=fault,
    )
