"""The home page: the call, the five persons, and the choice of a letter."""

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from campaign.reference.language import ENGLISH, Language
from campaign.reference.participating_state import STATES, ParticipatingState, sort_key, states_in_order
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
    """Show the call, the five persons, the picker and the count."""
    return _render_home(language)


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
        counts=figures.by_state,
        total=figures.total,
        as_of=figures.as_of,
        is_open=is_open(),
        closes_on=site().closes_on,
        missing_state=missing_state,
    )


def _state_named(name: str, language: Language) -> ParticipatingState | None:
    """Return the state with this name in the page's language or in English."""
    for code in (language.code, ENGLISH.code):
        wanted = sort_key(name, code)
        for state in STATES.values():
            if sort_key(state.name(code), code) == wanted:
                return state
    return None
