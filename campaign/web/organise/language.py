"""The language of the organisers' pages: each organiser's own choice, in a cookie of these pages alone."""

from datetime import timedelta

from flask import Response, current_app, redirect, request, url_for
from flask.globals import request_ctx
from flask.typing import ResponseReturnValue

from campaign.reference.language import LANGUAGES
from campaign.web.organise.blueprint import bp
from campaign.web.serving.cookie import PATH, cookie_name
from campaign.web.serving.language import ORGANISERS_COOKIE
from campaign.web.site import site

REMEMBERED = timedelta(days=365)


@bp.post("/language")
def choose_language() -> ResponseReturnValue:
    """Remember the language, and return to the page."""
    chosen = LANGUAGES.get(request.form.get("language", ""))
    response = redirect(_back(), 303)
    assert isinstance(response, Response)
    if chosen in site().appeal.languages and chosen is not None:
        response.set_cookie(
            cookie_name(ORGANISERS_COOKIE),
            chosen.code,
            max_age=REMEMBERED,
            path=PATH,
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Strict",
        )
    return response


@bp.context_processor
def add_address() -> dict[str, object]:
    """Give templates the address to which a change of the language returns."""
    return {"here": _here}


def _here() -> str:
    """Return the address of this page; the overview's for an answer to a post that has no page."""
    adapter = request_ctx.url_adapter
    if request.method == "GET":
        return request.full_path if request.query_string else request.path
    is_page = adapter is not None and adapter.test(request.path, "GET")
    return request.path if is_page else url_for("organise.dashboard")


def _back() -> str:
    back = request.form.get("back", "")
    is_ours = back.isprintable() and back.startswith(f"{PATH}/") and "\\" not in back
    return back if is_ours else url_for("organise.dashboard")
