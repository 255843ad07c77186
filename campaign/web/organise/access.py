"""Who may open which of the organisers' pages."""

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
"""What makes an account, or opens it again, and then shows its recovery code once."""


@bp.before_request
def require_organiser() -> ResponseReturnValue | None:
    """Let nobody past the door whose cookie opens no session, and nobody where their role does not lead."""
    if site().erased_on is not None:
        g.unlocked = None
        return render_template("organise/erased.html"), 410
    g.unlocked = resume_session()
    if request.endpoint in OPEN:
        return None
    if g.unlocked is None:
        return redirect(url_for("organise.login"), 303)
    if not allows(g.unlocked.role, request.endpoint):
        return _not_allowed()
    return None


@bp.errorhandler(RoleError)
def refuse_role(_error: RoleError) -> ResponseReturnValue:
    """Say kindly that this is for others, also to those whose role was changed a moment ago."""
    return _not_allowed()


@bp.errorhandler(CSRFError)
def refuse_without_token(_error: CSRFError) -> ResponseReturnValue:
    """Refuse a form without its token; it is old where the page with the recovery code is reloaded."""
    if request.endpoint in SHOW_CODE:
        g.unlocked = resume_session()
        if g.unlocked:
            return render_template("organise/code_shown.html"), 410
    return render_template("error.html", status=400, retry_after=None), 400


@bp.context_processor
def add_organiser() -> dict[str, object]:
    """Give templates the organiser who is logged in, and what that organiser may use."""
    who = cast("Unlocked | None", g.get("unlocked"))
    return {
        "unlocked": who,
        "may": lambda endpoint: who is not None and allows(who.role, endpoint),
    }


def _not_allowed() -> tuple[str, int]:
    least = LEAST.get(request.endpoint or "")
    return render_template("organise/not_allowed.html", least=least), 403
