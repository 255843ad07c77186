"""Access to the organisers' pages: a session is required, and the role that the page takes."""

from typing import cast

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from werkzeug.datastructures import MultiDict

from campaign.errors import ReplacedKeyError, RoleError
from campaign.organiser import session as organiser_session
from campaign.organiser.account import Unlocked
from campaign.web.organise import carried_form, reauthentication
from campaign.web.organise.blueprint import bp
from campaign.web.organise.carried_summary import carried_summary
from campaign.web.organise.permission import LEAST, OPEN, allows
from campaign.web.organise.session import (
    WHO,
    altered_boxes,
    continue_resealing,
    key_ring,
    record_look,
    report_altered,
    resume_session,
    shown_names,
    unlocked,
)
from campaign.web.site import commit, now, session, site

SHOW_CODE = frozenset({"organise.set_up", "organise.use_recovery_code"})
"""The endpoints that create or recover an account, and then display its recovery code once."""


RECORDED_BY_THEIR_VIEWS = frozenset({"organise.find_by_address"})


@bp.before_request
def require_organiser() -> ResponseReturnValue | None:
    """Ask for the login without a session, answer 403 when the role does not allow the page, or ask again."""
    if site().erased_on is not None:
        g.unlocked = None
        return render_template("organise/erased.html"), 410
    g.unlocked = resume_session()
    if request.endpoint in OPEN:
        return None
    if g.unlocked is None:
        return _ask_to_log_in()
    if not allows(g.unlocked.role, request.endpoint):
        return _render_not_allowed()
    if reauthentication.is_due(
        request.endpoint, asked_at=g.answered_at, names_shown=g.names_shown, now=now()
    ):
        return _ask_again()
    if request.method == "POST":
        continue_resealing(g.unlocked)
    return None


@bp.after_request
def report_altered_boxes(response: Response) -> Response:
    """Record boxes that this request found altered; a list that streams records its own at the end."""
    if altered_boxes():
        session().rollback()
        report_altered(key_ring(), unlocked().name)
    return response


@bp.after_request
def record_names_shown(response: Response) -> Response:
    """Record each page for which signatures' boxes were opened; files have entries of their own."""
    is_page = response.mimetype == "text/html" and not 300 <= response.status_code < 400
    if is_page and shown_names() and request.endpoint not in RECORDED_BY_THEIR_VIEWS:
        session().rollback()
        page = reauthentication.PAGES_WITH_NAMES.get(request.endpoint or "", str(request.endpoint))
        record_look(page, shown_names())
    return response


@bp.errorhandler(RoleError)
def refuse_role(_error: RoleError) -> ResponseReturnValue:
    """Answer 403 also when the role was changed after the request was checked."""
    return _render_not_allowed()


@bp.errorhandler(ReplacedKeyError)
def log_in_again(_error: ReplacedKeyError) -> ResponseReturnValue:
    """End a session that began at the moment when another organiser changed the campaign's key."""
    session().rollback()
    organiser_session.end(session(), cookie.pop("unlock"))
    commit()
    flash(gettext("Another organiser has just changed the campaign’s key. Please log in again."), "fault")
    return redirect(url_for("organise.login"), 303)


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
        # Not called for error pages: the form may be what is wrong.
        "carried": carried_form.carried,
        "carried_summary": carried_summary,
        "altered_boxes": altered_boxes,
        "may": lambda endpoint: who is not None and allows(who.role, endpoint),
    }


def _ask_to_log_in() -> ResponseReturnValue:
    """Show the login; it carries what was typed in a session that is over."""
    is_again = request.endpoint == "organise.authenticate_again"
    if (
        request.method != "POST"
        or WHO not in cookie
        or not (is_again or carried_form.can_be_repeated(request.endpoint))
    ):
        return redirect(url_for("organise.login"), 303)
    g.carried = carried_form.brought_by_this_request() if is_again else carried_form.of_this_request()
    return _show("organise.login")


def _ask_again() -> ResponseReturnValue:
    if request.method != "POST":
        # No page of ours has personal data in its query.
        target = request.full_path if request.query_string else request.path
        return redirect(url_for("organise.again", target=target), 303)
    g.carried = carried_form.of_this_request()
    return _show("organise.again")


def _show(endpoint: str) -> ResponseReturnValue:
    page = carried_form.call_view(endpoint, {}, MultiDict())
    page.status_code = 422
    return page


def _render_not_allowed() -> tuple[str, int]:
    least = LEAST.get(request.endpoint or "")
    return render_template("organise/not_allowed.html", least=least), 403
