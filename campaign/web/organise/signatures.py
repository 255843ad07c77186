"""Approving public names and signatories' own words, many at once."""

from typing import Any
from uuid import UUID

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext
from sqlalchemy import ColumnElement, select

from campaign import audit, seal, signature
from campaign.language import ENGLISH
from campaign.participating_state import STATES
from campaign.residence import name as residence_name
from campaign.signature.review import Key
from campaign.signature.row import APPROVED, DECLINED, PUBLIC, Signature, standing
from campaign.web.organise import bp
from campaign.web.organise.dashboard import waiting
from campaign.web.organise.door import unlocked
from campaign.web.site import commit, now, session
from campaign.web.supporter import in_order

ENTRIES_A_PAGE = 50

MOST_SEARCHED = 20_000
"""Rows opened in one search: names are sealed, so that a search has to open each."""

VERDICTS = {"waiting": None, "approved": APPROVED, "declined": DECLINED}


@bp.get("/signatures")
def signatures() -> ResponseReturnValue:
    """Show the names, or the words, that wait for a look, or were looked at."""
    kind = "words" if request.args.get("kind") == "words" else "names"
    status = request.args.get("status", "waiting")
    if status not in VERDICTS:
        abort(404)
    chosen, query = request.args.get("state", ""), request.args.get("query", "").strip()
    page = max(request.args.get("page", 1, type=int), 1)
    entries = _entries(kind, status, chosen if chosen in STATES else "", query.casefold(), page)
    waits = waiting()
    kept: dict[str, Any] = {"kind": kind, "status": status, "state": chosen, "query": query}
    return render_template(
        "organise/signatures.html",
        kind=kind,
        entries=entries[:ENTRIES_A_PAGE],
        waiting_names=waits.names,
        waiting_words=waits.words,
        query=query,
        status=status,
        chosen_state=chosen,
        states=in_order(ENGLISH),
        newer_url=url_for(".signatures", **kept, page=page - 1) if page > 1 else "",
        older_url=url_for(".signatures", **kept, page=page + 1) if len(entries) > ENTRIES_A_PAGE else "",
    )


@bp.post("/signatures")
def approve() -> ResponseReturnValue:
    """Approve or decline the names or words that were ticked."""
    kind, act = request.form.get("kind"), request.form.get("act")
    keys = [key for text in request.form.getlist("keys") if (key := _key(text))]
    if kind not in {"names", "words"} or act not in {"approve", "decline"}:
        abort(400)
    if kind == "names":
        changed = (
            signature.approve_names(session(), keys, unlocked().campaign_key)
            if act == "approve"
            else signature.decline_names(session(), keys)
        )
    else:
        review = signature.approve_words if act == "approve" else signature.decline_words
        changed = review(session(), keys)
    audit.record(session(), unlocked().name, f"{act} {kind}", str(changed), now=now())
    commit()
    if act == "approve":
        flash(ngettext("%(num)d entry approved.", "%(num)d entries approved.", changed))
    else:
        flash(ngettext("%(num)d entry declined.", "%(num)d entries declined.", changed))
    back = request.form.get("back", "")
    here = url_for(".signatures")
    is_ours = back == here or back.startswith(f"{here}?")
    return redirect(back if is_ours else url_for(".signatures", kind=kind), 303)


def _entries(kind: str, status: str, state: str, query: str, page: int) -> list[dict[str, object]]:
    wanted = (
        select(Signature)
        .where(standing(), *_condition(kind, status))
        .order_by(Signature.state_code, Signature.confirmed_on, Signature.id)
    )
    if state:
        wanted = wanted.where(Signature.state_code == state)
    first = (page - 1) * ENTRIES_A_PAGE
    if not query:
        rows = session().scalars(wanted.offset(first).limit(ENTRIES_A_PAGE + 1))
        return [_entry(row, kind) for row in rows]
    opened = (_entry(row, kind) for row in session().scalars(wanted.limit(MOST_SEARCHED)))
    found = [
        entry for entry in opened if query in f"{entry['name']} {entry['town']} {entry['words']}".casefold()
    ]
    return found[first : first + ENTRIES_A_PAGE + 1]


def _condition(kind: str, status: str) -> list[ColumnElement[bool]]:
    if kind == "names":
        return [Signature.disclosure == PUBLIC, Signature.name_review.is_not_distinct_from(VERDICTS[status])]
    return [Signature.has_words.is_(True), Signature.words_review.is_not_distinct_from(VERDICTS[status])]


def _entry(row: Signature, kind: str) -> dict[str, object]:
    details = seal.unseal(row.sealed, unlocked().campaign_key) if row.sealed else seal.Details()
    verdict = row.name_review if kind == "names" else row.words_review
    return {
        "key": f"{row.state_code}:{row.id.hex}",
        "state": STATES[row.state_code],
        "name": details.name,
        "town": details.town,
        "residence": residence_name(row.residence, ENGLISH.code),
        "words": details.words,
        "confirmed_on": row.confirmed_on,
        "verdict": verdict or "",
    }


def _key(text: str) -> Key | None:
    state_code, _, hexadecimal = text.partition(":")
    try:
        return state_code, UUID(hexadecimal)
    except ValueError:
        return None
