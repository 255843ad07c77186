"""Where the campaign stands, and the log of what organisers did."""

from datetime import date, timedelta

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from markupsafe import Markup

from campaign.delivery import notice, readiness
from campaign.delivery.model import UNCERTAIN
from campaign.delivery.readiness import Readiness
from campaign.disclosure.approval import WaitingCounts, count_waiting
from campaign.mail import outbox_health
from campaign.organiser import recovery
from campaign.organiser.recovery import recovery_codes
from campaign.organiser.role import opens_names
from campaign.reference.language import ENGLISH
from campaign.reference.participating_state import states_in_order
from campaign.signature import count, invalidation, recount
from campaign.signature.key_change import count_sealed_to_setup_link
from campaign.web.organise import chart
from campaign.web.organise.blueprint import bp
from campaign.web.organise.session import unlocked
from campaign.web.site import now, session, site

SOON = timedelta(days=30)
"""When organisers are told that an instrument ends."""


@bp.get("/")
def dashboard() -> ResponseReturnValue:
    """Show counts, what waits, and what to do next."""
    counts, waits = site().snapshots.current(), count_waiting(session())
    states = readiness.of_all_states(session())
    found = recount.last(session())
    return render_template(
        "organise/dashboard.html",
        total=counts.total,
        as_of=counts.as_of,
        rows=[_row(each, counts.by_state, waits) for each in states],
        chart=_chart(),
        outbox=outbox_health.measure(session(), now()),
        ending=_ending(),
        waiting_names=waits.names,
        waiting_words=waits.words,
        addresses=sum(1 for each in states if each.address),
        ready=sum(1 for each in states if each.is_ready),
        uncertain=sum(1 for each in states if each.latest and each.latest.status == UNCERTAIN),
        held=sum(sum(each) for each in invalidation.count_held(session()).values()),
        to_tell=notice.number_due(session()),
        left_behind=count_sealed_to_setup_link(session()),
        miscounts=found[1] if found else 0,
        **_recovery(),
    )


def _recovery() -> dict[str, object]:
    """Return what is to be done about the recovery code of who is logged in."""
    codes, mine = recovery_codes(session()), unlocked().id
    if not opens_names(unlocked().role):
        return {"recovery": "", "tested_on": None}
    if mine not in codes:
        return {"recovery": "none", "tested_on": None}
    is_due = recovery.is_test_due(codes[mine], today=now().date())
    kind = "" if not is_due else "old" if codes[mine] else "untested"
    return {"recovery": kind, "tested_on": codes[mine]}


def _row(ready: Readiness, counts: dict[str, int], waits: WaitingCounts) -> dict[str, object]:
    latest, code = ready.latest, ready.state.code
    return {
        "state": ready.state,
        "count": counts.get(code, 0),
        "waiting": waits.by_state.get(code, 0),
        "delivered_on": latest.sent_on if latest else None,
        "status": latest.status if latest else "",
    }


def _chart() -> Markup:
    label = gettext("Signatures by day, and withdrawals below the line")
    return Markup(chart.by_day(count.by_day(session()), label=label))  # noqa: S704 -- our drawing of numbers


def _ending() -> list[dict[str, object]]:
    """Return the states whose instruments are past their day, or soon will be, by that day."""
    today = now().date()
    ending: dict[date, list[str]] = {}
    for state in states_in_order(ENGLISH):
        until = site().appeal.instruments[state.code].valid_until
        if until is not None and until < today + SOON:
            ending.setdefault(until, []).append(state.name(ENGLISH.code))
    return [
        {"states": names, "valid_until": until, "is_over": until < today}
        for until, names in sorted(ending.items())
    ]
