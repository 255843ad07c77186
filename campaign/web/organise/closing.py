"""The close: what is erased when, what waits for an owner, and opening signing again."""

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.operations.closing import allow, reopen_signing, undelivered
from campaign.organiser.role import OWNER
from campaign.reference.participating_state import STATES
from campaign.signature.announcement import KINDS, announcements
from campaign.signature.erase import names_due_on
from campaign.web.organise.blueprint import bp
from campaign.web.organise.session import unlocked
from campaign.web.serving.language import current_language
from campaign.web.site import commit, now, session, site


@bp.get("/closing")
def closing() -> ResponseReturnValue:
    """Show whether the campaign has closed, and what is erased when."""
    settings, closes_on, today = site().settings, site().closes_on, now().date()
    months, days = settings.erase_months_after_close, settings.confirmation_days
    return render_template(
        "organise/closing.html",
        closes_on=closes_on,
        is_closed=closes_on is not None and today > closes_on,
        names_on=names_due_on(closes_on, months, days) if closes_on else None,
        is_held_closed=closes_on != settings.closes_on,
        configured=settings.closes_on,
        announced=[(each, each.begins_on(today)) for each in announcements(session()).values()],
        undelivered=[STATES[code].name(current_language().code) for code in undelivered(session())],
        is_owner=unlocked().role == OWNER,
    )


@bp.post("/closing/<kind>")
def allow_erasure(kind: str) -> ResponseReturnValue:
    """Let an erasure begin that waits for an owner."""
    if kind not in KINDS:
        abort(404)
    shown = request.form.get("doubts", "")
    is_allowed = allow(session(), kind, shown, by=unlocked().name, now=now())
    commit()
    if is_allowed:
        flash(gettext("Allowed. It begins within an hour of the day that is named below."))
    else:
        flash(gettext("It still waits: there is another reason than the page had shown."), "fault")
    return redirect(url_for(".closing"), 303)


@bp.post("/closing/reopen")
def reopen() -> ResponseReturnValue:
    """Open signing until the configured day, although mailboxes can count twice."""
    reopen_signing(session(), site().settings.closes_on, by=unlocked().name, now=now())
    commit()
    flash(gettext("The configured closing day is in force again."))
    return redirect(url_for(".closing"), 303)
