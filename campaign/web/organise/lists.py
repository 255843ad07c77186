"""Downloads of signatory lists; each one is in the audit log."""

import io
from collections.abc import Iterator

from flask import Response, abort, current_app
from flask.typing import ResponseReturnValue

from campaign.delivery import document
from campaign.delivery.plan import entries, plan
from campaign.organiser import audit_log
from campaign.reference.participating_state import STATES, ParticipatingState
from campaign.signature_list import csv_file, entry
from campaign.signature_list.entry import ListEntry
from campaign.web.organise.blueprint import bp
from campaign.web.organise.session import key_ring, report_altered, unlocked
from campaign.web.site import now, session, site

ALL = "all"


@bp.get("/lists/<state>.<format>")
def list_file(state: str, format: str) -> ResponseReturnValue:  # noqa: A002 -- the URL's own word
    """Send the list of one letter's signatories, or of all letters', as a file."""
    if (state != ALL and state not in STATES) or format not in {"csv", "pdf"}:
        abort(404)
    with site().database.writing() as db:
        audit_log.record(db, unlocked().name, "download list", f"{state} {format}", now=now())
    chosen = list(STATES.values()) if state == ALL else [STATES[state]]
    response = _csv_response(chosen) if format == "csv" else _pdf_response(chosen)
    filename = f"signatories-{state}-{now().date().isoformat()}.{format}"
    response.headers.set("Content-Disposition", "attachment", filename=filename)
    return response


def _csv_response(states: list[ParticipatingState]) -> Response:
    database, ring, by = site().database, key_ring(), unlocked().name
    context = current_app.app_context()  # the request is over before the last line is sent

    def listed() -> Iterator[ListEntry]:
        # A session of its own: the request's session is closed before the last line is sent.
        with database.snapshot() as db:
            yield from entry.for_organisers(db, [state.code for state in states], ring)
        with context:
            report_altered(ring, by)

    return Response(csv_file.lines(listed()), mimetype="text/csv")


def _pdf_response(states: list[ParticipatingState]) -> Response:
    file = io.BytesIO()
    today = now().date()
    plans = [plan(session(), site().appeal, state, edition=site().edition, today=today) for state in states]
    document.write_working_copy(file, plans, lambda plan: entries(session(), plan, key_ring()), made_on=today)
    return Response(file.getvalue(), mimetype="application/pdf")
