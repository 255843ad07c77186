"""Where the campaign stands, and the log of what organisers did."""

from datetime import date, timedelta

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from markupsafe import Markup

from campaign.delivery import notice
from campaign.delivery.delegation import delegations
from campaign.delivery.model import UNCERTAIN, Delivery, deliveries
from campaign.disclosure.approval import WaitingCounts, count_waiting
from campaign.mail import outbox_health
from campaign.organiser import recovery
from campaign.organiser.organisation import organisation
from campaign.organiser.recovery import recovery_codes
from campaign.organiser.role import opens_names
from campaign.reference.language import ENGLISH
from campaign.reference.participating_state import ParticipatingState, states_in_order
from campaign.signature import count, invalidation, recount
from campaign.signature.key_change import left_behind
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
    latest: dict[str, Delivery] = {}
    for delivery in session().scalars(deliveries()):
        latest.setdefault(delivery.state_code, delivery)
    known = delegations(session())
    rows = [_row(state, counts.by_state, waits, latest) for state in states_in_order(ENGLISH)]
    sent = {code for code, delivery in latest.items() if delivery.sent_on}
    can_send = organisation(session()).is_set
    found = recount.last(session())
    return render_template(
        "organise/dashboard.html",
        total=counts.total,
        as_of=counts.as_of,
        rows=rows,
        chart=_chart(),
        outbox=outbox_health.measure(session(), now()),
        ending=_ending(),
        waiting_names=waits.names,
        waiting_words=waits.words,
        addresses=len(known),
        ready=len((known.keys() & counts.by_state.keys()) - sent) if can_send else 0,
        uncertain=sum(1 for delivery in latest.values() if delivery.status == UNCERTAIN),
        held=sum(sum(each) for each in invalidation.held(session()).values()),
        to_tell=notice.number_due(session()),
        left_behind=left_behind(session()),
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


def _row(
    state: ParticipatingState, counts: dict[str, int], waits: WaitingCounts, latest: dict[str, Delivery]
) -> dict[str, object]:
    delivery = latest.get(state.code)
    return {
        "state": state,
        "count": counts.get(state.code, 0),
        "waiting": waits.by_state.get(state.code, 0),
        "delivered_on": delivery.sent_on if delivery else None,
        "status": delivery.status if delivery else "",
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
