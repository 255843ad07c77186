"""The home page: the call, the choice of a letter, the women, and the five officials."""

from flask import abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from campaign.reference.language import Language
from campaign.reference.participating_state import STATES, ParticipatingState, sort_key, states_in_order
from campaign.reference.sprig import Bloom
from campaign.web.serving.language import preferred_language
from campaign.web.site import is_open, site
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
    chosen = request.args.get("state", "").strip()
    if not chosen:
        return _render_home(language, missing_state=True), 422
    state = STATES.get(chosen.lower()) or _state_named(chosen, language)
    if state is None:
        abort(404)
    return redirect(url_for(".letter", language=language, state=state), 303)


def _render_home(language: Language, *, missing_state: bool = False) -> str:
    """Return the home page; *missing_state* says that no letter was chosen in the picker."""
    figures = site().snapshots.current().count
    return render_template(
        "supporter/home.html",
        states=states_in_order(language),
        blooms={code: Bloom(count) for code, count in figures.by_state.items()},
        total=figures.total,
        as_of=figures.as_of,
        is_open=is_open(),
        closes_on=site().closes_on,
        missing_state=missing_state,
    )


def _state_named(name: str, language: Language) -> ParticipatingState | None:
    """Return the state that is known by *name*, if need be without its accents."""
    wanted = sort_key(name, language.code)
    for state in STATES.values():
        if wanted in (sort_key(each, language.code) for each in state.known_as):
            return state
    return None
