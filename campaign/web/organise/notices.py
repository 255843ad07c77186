"""Notices to delegations: the numbers on a delivered list that no longer stand."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, gettext, ngettext

from campaign.delivery import document, notice
from campaign.delivery.notice import Notice
from campaign.organiser import audit_log
from campaign.reference import notation
from campaign.reference.language import locale
from campaign.reference.participating_state import STATES
from campaign.sealing.code import grouped
from campaign.web.organise.blueprint import bp
from campaign.web.organise.session import unlocked
from campaign.web.site import commit, now, session, site


@bp.get("/notices")
def notices() -> ResponseReturnValue:
    """Show a notice for each delivery whose list has numbers that no longer stand."""
    return render_template(
        "organise/notices.html", notices=[_entry(each) for each in notice.pending(session())]
    )


@bp.post("/notices/<uuid:delivery_id>")
def note_told(delivery_id: UUID) -> ResponseReturnValue:
    """Record that an organiser sent the notice with these numbers."""
    numbers = [int(each) for each in request.form.getlist("numbers") if each.isascii() and each.isdigit()]
    notified = notice.record_notified(session(), delivery_id, numbers, on=now().date())
    if notified:
        audit_log.record(session(), unlocked().name, "tell delegation", str(notified), now=now())
        commit()
        flash(ngettext("Noted for %(num)d number.", "Noted for %(num)d numbers.", notified))
    else:
        flash(gettext("There was nothing to note: somebody did so before."), "fault")
    return redirect(url_for(".notices"), 303)


def _entry(due: Notice) -> dict[str, object]:
    delivery, code = due.delivery, grouped(due.delivery.code)
    day = notation.day(delivery.sent_on or delivery.prepared_at.date(), delivery.language)
    with force_locale(locale(delivery.language)):
        subject = gettext("Numbers to strike on our list of %(day)s, code %(code)s", day=day, code=code)
        text = render_template(
            "organise/notice.txt",
            day=day,
            code=code,
            numbers=due.spans,
            verify_url=document.verify_url(site().settings.base_url, delivery.language, delivery.code),
        )
    return {
        "delivery": delivery,
        "state": STATES[delivery.state_code],
        "numbers": due.numbers,
        "subject": subject,
        "text": text.strip(),
    }
