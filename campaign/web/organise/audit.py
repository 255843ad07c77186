"""The page of the audit log."""

from collections.abc import Sequence

from flask import render_template
from flask.typing import ResponseReturnValue

from campaign.delivery.model import ids_by_code
from campaign.organiser import audit_chain
from campaign.organiser.audit_log import AuditEntry, entries
from campaign.reference import residence
from campaign.reference.language import ENGLISH
from campaign.reference.participating_state import STATES
from campaign.sealing.code import grouped
from campaign.web.organise.blueprint import bp
from campaign.web.pager import numbered_pager, page_number
from campaign.web.site import session, site

ENTRIES_PER_PAGE = 100

ABOUT_DELIVERY = frozenset({"send delivery", "note reply", "note bounce"})
"""Actions whose ``about`` has a delivery's code, alone or after a state's code."""

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
"""Actions whose ``about`` has states' codes."""

ABOUT_RESIDENCE = frozenset({"protect residents", "unprotect residents"})
"""Actions whose ``about`` is a residence's code."""


@bp.get("/audit", endpoint="audit")
def audit_log() -> ResponseReturnValue:
    """Show the organisers' actions, the newest first."""
    page = page_number()
    with site().database.snapshot() as db:  # no entry is added between those read and the end
        broken = audit_chain.verify(db, site().keys.audit)
    found = entries(session(), offset=(page - 1) * ENTRIES_PER_PAGE, limit=ENTRIES_PER_PAGE + 1)
    return render_template(
        "organise/audit.html",
        broken=broken,
        entries=_displayed(found[:ENTRIES_PER_PAGE]),
        pages=numbered_pager(".audit", page, has_older=len(found) > ENTRIES_PER_PAGE),
    )


def _displayed(found: Sequence[AuditEntry]) -> list[dict[str, object]]:
    """Return entries for display: states by name, deliveries by grouped code and with their id."""
    codes = {word for entry in found for word in entry.about.split() if entry.act in ABOUT_DELIVERY}
    known = ids_by_code(session(), codes)
    return [
        {
            "number": entry.number,
            "at": entry.at,
            "organiser": entry.organiser,
            "act": entry.act,
            "about": _about(entry),
            "delivery_id": next((known[word] for word in entry.about.split() if word in known), None),
        }
        for entry in found
    ]


def _about(entry: AuditEntry) -> str:
    """Return *entry*'s ``about`` for display; only the actions above have codes in it, others a name."""
    if entry.act in ABOUT_RESIDENCE:
        return residence.name(entry.about, ENGLISH.code)
    if entry.act not in ABOUT_DELIVERY | ABOUT_STATE:
        return entry.about
    return " ".join(
        STATES[word].name(ENGLISH.code) if word in STATES else grouped(word) if len(word) == 20 else word
        for word in entry.about.split()
    )
