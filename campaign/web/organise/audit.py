"""The page of the audit log."""

from collections.abc import Sequence

from flask import render_template
from flask.typing import ResponseReturnValue

from campaign.delivery.model import ids_by_code
from campaign.organiser import audit_chain
from campaign.organiser.audit_log import AuditEntry, entries
from campaign.web.organise.audit_words import ABOUT_DELIVERY, about_in_words, act_in_words, who_in_words
from campaign.web.organise.blueprint import bp
from campaign.web.pager import numbered_pager, page_number
from campaign.web.site import session, site

ENTRIES_PER_PAGE = 100


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
            "organiser": who_in_words(entry.organiser),
            "act": act_in_words(entry.act),
            "about": about_in_words(entry.act, entry.about),
            "delivery_id": next((known[word] for word in entry.about.split() if word in known), None),
        }
        for entry in found
    ]
