"""What a restoration brought back and lost; publication and delivery wait until an owner has looked."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.database import restoration
from campaign.organiser import audit_log
from campaign.web.organise.blueprint import bp
from campaign.web.organise.session import unlocked
from campaign.web.site import commit, now, session


@bp.get("/restored")
def restored() -> ResponseReturnValue:
    """Show what was replayed and what is unknown."""
    return render_template("organise/restored.html", restored=restoration.unreviewed(session()))


@bp.post("/restored")
def review_restoration() -> ResponseReturnValue:
    """Publish and deliver again."""
    if restoration.unreviewed(session()) is not None:
        restoration.review(session())
        audit_log.record(session(), unlocked().name, "reopen after restoration", now=now())
        commit()
        flash(gettext("Names are published again, and letters can be delivered."))
    return redirect(url_for(".dashboard"), 303)
