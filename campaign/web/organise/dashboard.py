"""Where the campaign stands, and the log of what organisers did."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from markupsafe import Markup
from sqlalchemy import Select, func, or_, select

from campaign import audit, chart, organiser, recount, residence, seal, start, tally
from campaign.audit import AuditEntry
from campaign.delegation import delegations
from campaign.delivery import notice
from campaign.delivery.row import UNCERTAIN, Delivery, deliveries
from campaign.language import ENGLISH
from campaign.mail import outbox_state
from campaign.organisation import organisation
from campaign.participating_state import STATES, ParticipatingState
from campaign.signature import invalidation
from campaign.signature.row import Signature, awaits_naming, awaits_reading, standing
from campaign.web.organise import bp
from campaign.web.organise.door import unlocked
from campaign.web.site import now, page_number, session, site
from campaign.web.supporter import in_order

ENTRIES_A_PAGE = 100

ABOUT_DELIVERY = frozenset({"send delivery", "note reply", "note bounce"})
"""Acts in the log that name a delivery by its code, after its state's or alone."""

ABOUT_STATE = frozenset(
    {
        "send test",
        "enter address",
        "download list",
        "look for an address",
        "erase on request",
        "withhold names",
        "release names",
    }
)
"""Acts in the log that name states by their codes."""

ABOUT_RESIDENCE = frozenset({"protect residents", "unprotect residents"})
"""Acts in the log that name a residence by its code."""

SOON = timedelta(days=30)
"""When organisers are told that an instrument ends."""


@dataclass(frozen=True)
class Waiting:
    """How many public names and own words wait for a look, in all and by state."""

    names: int
    words: int
    by_state: dict[str, int]


@bp.get("/")
def dashboard() -> ResponseReturnValue:
    """Show counts, what waits, and what to do next."""
    counts, waits = site().counts.now(), waiting()
    latest: dict[str, Delivery] = {}
    for delivery in session().scalars(deliveries()):
        latest.setdefault(delivery.state_code, delivery)
    known = delegations(session())
    rows = [_row(state, counts.by_state, waits, latest) for state in in_order(ENGLISH)]
    sent = {code for code, delivery in latest.items() if delivery.sent_on}
    can_send = organisation(session()).is_set
    found = recount.last(session())
    return render_template(
        "organise/dashboard.html",
        total=counts.total,
        as_of=counts.as_of,
        rows=rows,
        chart=_chart(),
        outbox=outbox_state.state(session(), now()),
        ending=_ending(),
        waiting_names=waits.names,
        waiting_words=waits.words,
        addresses=len(known),
        ready=len((known.keys() & counts.by_state.keys()) - sent) if can_send else 0,
        uncertain=sum(1 for delivery in latest.values() if delivery.status == UNCERTAIN),
        held=sum(sum(each) for each in invalidation.held(session()).values()),
        to_tell=notice.number_due(session()),
        left_behind=start.left_behind(session()),
        miscounts=found[1] if found else 0,
        **_recovery(),
    )


@bp.get("/audit", endpoint="audit")
def audit_log() -> ResponseReturnValue:
    """Show which organiser did what, newest first."""
    page = page_number()
    query = audit.entries().offset((page - 1) * ENTRIES_A_PAGE).limit(ENTRIES_A_PAGE + 1)
    entries = session().scalars(query).all()
    return render_template(
        "organise/audit.html",
        entries=_readable(entries[:ENTRIES_A_PAGE]),
        newer_url=url_for(".audit", page=page - 1) if page > 1 else "",
        older_url=url_for(".audit", page=page + 1) if len(entries) > ENTRIES_A_PAGE else "",
    )


def _readable(entries: Sequence[AuditEntry]) -> list[dict[str, object]]:
    """Return the entries with states by their names and deliveries by grouped codes, to be looked at."""
    codes = {word for entry in entries for word in entry.about.split() if entry.act in ABOUT_DELIVERY}
    known = {row.code: row.id for row in session().execute(_by_code(codes))}
    return [
        {
            "at": entry.at,
            "organiser": entry.organiser,
            "act": entry.act,
            "about": _about(entry),
            "delivery_id": next((known[word] for word in entry.about.split() if word in known), None),
        }
        for entry in entries
    ]


def _by_code(codes: set[str]) -> Select[str, UUID]:
    return select(Delivery.code, Delivery.id).where(Delivery.code.in_(codes))


def _about(entry: AuditEntry) -> str:
    """Return what *entry* is about, for people: elsewhere than in these acts it may be somebody's name."""
    if entry.act in ABOUT_RESIDENCE:
        return residence.name(entry.about, ENGLISH.code)
    if entry.act not in ABOUT_DELIVERY | ABOUT_STATE:
        return entry.about
    return " ".join(
        STATES[word].name(ENGLISH.code) if word in STATES else seal.grouped(word) if len(word) == 20 else word
        for word in entry.about.split()
    )


def waiting() -> Waiting:
    """Return how many public names and own words wait for an organiser."""
    names, words = awaits_naming(), awaits_reading()
    rows = session().execute(
        select(
            Signature.state_code,
            func.count().filter(names),
            func.count().filter(words),
        )
        .where(standing(), or_(names, words))
        .group_by(Signature.state_code)
    )
    figures = {code: (of_names, of_words) for code, of_names, of_words in rows}
    return Waiting(
        names=sum(each[0] for each in figures.values()),
        words=sum(each[1] for each in figures.values()),
        by_state={code: sum(each) for code, each in figures.items()},
    )


def _recovery() -> dict[str, object]:
    """Return what is to be done about the recovery code of who is logged in."""
    codes, mine = organiser.recovery_codes(session()), unlocked().id
    if not organiser.opens_names(unlocked().role):
        return {"recovery": "", "tested_on": None}
    if mine not in codes:
        return {"recovery": "none", "tested_on": None}
    is_due = organiser.is_due(codes[mine], today=now().date())
    kind = "" if not is_due else "old" if codes[mine] else "untested"
    return {"recovery": kind, "tested_on": codes[mine]}


def _row(
    state: ParticipatingState, counts: dict[str, int], waits: Waiting, latest: dict[str, Delivery]
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
    return Markup(chart.by_day(tally.by_day(session()), label=label))  # noqa: S704 -- our drawing of numbers


def _ending() -> list[dict[str, object]]:
    """Return the states whose instruments are past their day, or soon will be, by that day."""
    today = now().date()
    ending: dict[date, list[str]] = {}
    for state in in_order(ENGLISH):
        until = site().appeal.instruments[state.code].valid_until
        if until is not None and until < today + SOON:
            ending.setdefault(until, []).append(state.name(ENGLISH.code))
    return [
        {"states": names, "valid_until": until, "is_over": until < today}
        for until, names in sorted(ending.items())
    ]
