"""The audit log, for organisers to read."""

from collections.abc import Sequence
from uuid import UUID

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, select

from campaign.delivery.model import Delivery
from campaign.organiser import audit_log as audit
from campaign.organiser.audit_log import AuditEntry
from campaign.reference import residence
from campaign.reference.language import ENGLISH
from campaign.reference.participating_state import STATES
from campaign.sealing.code import grouped
from campaign.web.organise.blueprint import bp
from campaign.web.pager import numbered_pager, page_number
from campaign.web.site import session

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


@bp.get("/audit", endpoint="audit")
def audit_log() -> ResponseReturnValue:
    """Show which organiser did what, newest first."""
    page = page_number()
    query = audit.entries().offset((page - 1) * ENTRIES_A_PAGE).limit(ENTRIES_A_PAGE + 1)
    entries = session().scalars(query).all()
    return render_template(
        "organise/audit.html",
        entries=_readable(entries[:ENTRIES_A_PAGE]),
        pages=numbered_pager(".audit", page, has_older=len(entries) > ENTRIES_A_PAGE),
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
        STATES[word].name(ENGLISH.code) if word in STATES else grouped(word) if len(word) == 20 else word
        for word in entry.about.split()
    )
