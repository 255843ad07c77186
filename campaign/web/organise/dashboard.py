"""The organisers' overview: counts, waiting tasks, and the state of each delivery."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from markupsafe import Markup

from campaign.database import restoration
from campaign.delivery import notice, readiness
from campaign.delivery.model import UNCERTAIN
from campaign.delivery.readiness import Readiness
from campaign.disclosure.approval import WaitingCounts, count_waiting
from campaign.mail import outbox_health
from campaign.operations import altered_row
from campaign.organiser import altered_box, campaign_key_change, news, recovery
from campaign.organiser.news import NewsItem
from campaign.organiser.recovery import recovery_codes
from campaign.organiser.role import opens_names
from campaign.reference.participating_state import states_in_order
from campaign.signature import count, domain_day, invalidation, recount
from campaign.signature.announcement import announcements
from campaign.signature.key_change import count_sealed_to_setup_link, count_to_reseal
from campaign.web.organise import chart
from campaign.web.organise.altered_words import altered_in_words
from campaign.web.organise.audit_words import about_in_words, act_in_words
from campaign.web.organise.blueprint import bp
from campaign.web.organise.session import take_last_login, unlocked
from campaign.web.serving.language import current_language
from campaign.web.site import now, session, site

SOON = timedelta(days=30)
"""How long before an instrument ends the overview says so."""


@bp.get("/")
def dashboard() -> ResponseReturnValue:
    """Show counts, waiting tasks and each state's delivery."""
    logins = take_last_login()
    # The exact counts, not the public figures.
    counts, waiting = count.by_state(session()), count_waiting(session())
    states = readiness.of_all_states(session(), language=current_language())
    last_recount = recount.last(session())
    altered_rows = list(altered_row.findings(session()))
    return render_template(
        "organise/dashboard.html",
        last_login=logins[0] if logins else None,
        news=_news(*logins) if logins else [],
        total=sum(counts.values()),
        is_restored=restoration.unreviewed(session()) is not None,
        as_of=now(),
        rows=[_state(each, counts, waiting) for each in states],
        chart=_chart(),
        outbox=outbox_health.measure(session(), now()),
        ending=_ending(),
        waiting_names=waiting.names,
        waiting_words=waiting.words,
        addresses=sum(1 for each in states if each.address),
        ready=sum(1 for each in states if each.is_ready),
        uncertain=sum(1 for each in states if each.latest and each.latest.status == UNCERTAIN),
        busy_domains=domain_day.count_above_threshold(session(), on=now().date()),
        held=sum(sum(each) for each in invalidation.count_held(session()).values()),
        to_tell=notice.count_pending(session()),
        to_reseal=count_to_reseal(session()),
        is_key_change_due=campaign_key_change.is_due(session()),
        sealed_to_setup_link=count_sealed_to_setup_link(session()),
        altered_rows=[altered_in_words(*each) for each in altered_rows],
        are_lists_altered=(altered_row.LISTS, "") in altered_rows,
        altered=altered_box.latest_finding(session(), now=now()),
        miscounts=last_recount[1] if last_recount else 0,
        **_recovery(),
        **_closing(),
    )


def _news(since: datetime, until: datetime) -> list[NewsItem]:
    found = news.between(session(), unlocked().name, since, until)
    return [
        replace(each, act=act_in_words(each.act), about=about_in_words(each.act, each.about))
        for each in found
    ]


def _closing() -> dict[str, object]:
    """Return the day on which the campaign closed, and the erasures that are announced."""
    closes_on, today = site().closes_on, now().date()
    rows = [each for each in announcements(session()).values() if not each.is_begun]
    return {
        "closed_on": closes_on if closes_on and today > closes_on else None,
        "is_held_closed": closes_on != site().settings.closes_on,
        "announced": [(each.kind, each.is_waiting, each.begins_on(today)) for each in rows],
    }


def _recovery() -> dict[str, object]:
    """Return whether the organiser's own recovery code is missing or is to be tested."""
    codes, mine = recovery_codes(session()), unlocked().id
    if not opens_names(unlocked().role):
        return {"recovery": "", "tested_on": None}
    if mine not in codes:
        return {"recovery": "none", "tested_on": None}
    is_due = recovery.is_test_due(codes[mine], today=now().date())
    kind = "" if not is_due else "old" if codes[mine] else "untested"
    return {"recovery": kind, "tested_on": codes[mine]}


def _state(ready: Readiness, counts: dict[str, int], waiting: WaitingCounts) -> dict[str, object]:
    latest, code = ready.latest, ready.state.code
    return {
        "state": ready.state,
        "count": counts.get(code, 0),
        "waiting": waiting.by_state.get(code, 0),
        "delivered_on": latest.sent_on if latest else None,
        "status": latest.status if latest else "",
    }


def _chart() -> Markup:
    label = gettext("Signatures by day, and withdrawals below the line")
    drawing = chart.by_day(count.by_day(session()), label=label, language=current_language().code)
    return Markup(drawing)  # noqa: S704 -- our drawing of numbers


def _ending() -> list[dict[str, object]]:
    """Return the states whose instrument ended or ends within :data:`SOON`, by the day on which it ends."""
    today = now().date()
    ending: dict[date, list[str]] = {}
    for state in states_in_order(current_language()):
        until = site().appeal.instruments[state.code].valid_until
        if until is not None and until < today + SOON:
            ending.setdefault(until, []).append(state.name(current_language().code))
    return [
        {"states": names, "valid_until": until, "is_over": until < today}
        for until, names in sorted(ending.items())
    ]
