"""Access to the organisers' pages: a session is required, and the role that the page takes."""

from typing import cast

from flask import g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from campaign.errors import RoleError
from campaign.organiser.account import Unlocked
from campaign.web.organise.blueprint import bp
from campaign.web.organise.permission import LEAST, OPEN, allows
from campaign.web.organise.session import resume_session
from campaign.web.site import site

SHOW_CODE = frozenset({"organise.set_up", "organise.use_recovery_code"})
"""The endpoints that create or recover an account, and then display its recovery code once."""


@bp.before_request
def require_organiser() -> ResponseReturnValue | None:
    """Redirect to the login without a session, and answer 403 when the role does not allow the page."""
    if site().erased_on is not None:
        g.unlocked = None
        return render_template("organise/erased.html"), 410
    g.unlocked = resume_session()
    if request.endpoint in OPEN:
        return None
    if g.unlocked is None:
        return redirect(url_for("organise.login"), 303)
    if not allows(g.unlocked.role, request.endpoint):
        return _render_not_allowed()
    return None


@bp.errorhandler(RoleError)
def refuse_role(_error: RoleError) -> ResponseReturnValue:
    """Answer 403 also when the role was changed after the request was checked."""
    return _render_not_allowed()


@bp.errorhandler(CSRFError)
def refuse_without_token(_error: CSRFError) -> ResponseReturnValue:
    """Answer 400; but 410 if the page with a recovery code was reloaded, whose token has expired."""
    if request.endpoint in SHOW_CODE:
        g.unlocked = resume_session()
        if g.unlocked:
            return render_template("organise/code_shown.html"), 410
    return render_template("error.html", status=400, retry_after=None), 400


@bp.context_processor
def add_organiser() -> dict[str, object]:
    """Give templates the logged-in organiser, and a function that tells whether a page is allowed."""
    who = cast("Unlocked | None", g.get("unlocked"))
    return {
        "unlocked": who,
        "may": lambda endpoint: who is not None and allows(who.role, endpoint),
    }


def _render_not_allowed() -> tuple[str, int]:
    least = LEAST.get(request.endpoint or "")
    return render_template("organise/not_allowed.html", least=least), 403
