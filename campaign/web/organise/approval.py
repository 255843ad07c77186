"""Approving public names and signatories' own words, many at once."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from campaign.disclosure.approval import approve_names, approve_words, decline_names, decline_words, waiting
from campaign.organiser import audit_log
from campaign.reference.language import ENGLISH
from campaign.reference.participating_state import STATES, states_in_order
from campaign.reference.residence import name as residence_name
from campaign.sealing import box
from campaign.signature.model import APPROVED, DECLINED, PUBLIC, Signature
from campaign.signature.select import awaits_name_approval, awaits_words_approval, counts
from campaign.web.organise.blueprint import bp
from campaign.web.organise.form import read_key
from campaign.web.organise.session import unlocked
from campaign.web.pager import numbered_pager, page_number
from campaign.web.site import commit, now, session, site

ENTRIES_A_PAGE = 50

MOST_SEARCHED = 20_000
"""Rows opened in one search: names are sealed, so that a search has to open each."""

VERDICTS = {"waiting": None, "approved": APPROVED, "declined": DECLINED}


@bp.get("/signatures")
def signatures() -> ResponseReturnValue:
    """Show the names, or the words, that wait for a look, or were looked at."""
    return _page(session(), request.args, page=page_number())


@bp.post("/signatures/search")
def search_signatures() -> ResponseReturnValue:
    """Show those in which a name, town or word occurs; posted, so that it stands in no address."""
    with site().database.reading() as db:
        return _page(db, request.form, query=request.form.get("query", "").strip())


@bp.post("/signatures")
def approve() -> ResponseReturnValue:
    """Approve or decline the names or words that were ticked."""
    kind, act = request.form.get("kind"), request.form.get("act")
    keys = [key for text in request.form.getlist("keys") if (key := read_key(text))]
    if kind not in {"names", "words"} or act not in {"approve", "decline"}:
        abort(400)
    if not keys:
        flash(gettext("Choose at least one entry."), "fault")
        return _back(kind)
    if kind == "names":
        changed = (
            approve_names(
                session(), keys, unlocked().campaign_key, not_from=site().appeal.endangered_residences
            )
            if act == "approve"
            else decline_names(session(), keys)
        )
    else:
        review = approve_words if act == "approve" else decline_words
        changed = review(session(), keys)
    audit_log.record(session(), unlocked().name, f"{act} {kind}", str(changed), now=now())
    commit()
    if act == "approve":
        flash(ngettext("%(num)d entry approved.", "%(num)d entries approved.", changed))
    else:
        flash(ngettext("%(num)d entry declined.", "%(num)d entries declined.", changed))
    return _back(kind)


def _back(kind: str) -> ResponseReturnValue:
    """Send the organiser to the list they came from; the form says which, so look that it is ours."""
    back = request.form.get("back", "")
    is_ours = back.isprintable() and back.startswith(f"{url_for('.signatures')}?")
    return redirect(back if is_ours else url_for(".signatures", kind=kind), 303)


def _page(db: Session, asked: Mapping[str, str], *, page: int = 1, query: str = "") -> str:
    kind = "words" if asked.get("kind") == "words" else "names"
    status, chosen = asked.get("status", "waiting"), asked.get("state", "")
    if status not in VERDICTS or (chosen and chosen not in STATES):
        abort(404)
    entries = _entries(db, _select(kind, status, chosen), kind, query, page)
    waits = waiting(session())
    kept: dict[str, Any] = {"kind": kind, "status": status, "state": chosen}
    return render_template(
        "organise/signatures.html",
        kind=kind,
        entries=entries[:ENTRIES_A_PAGE],
        waiting_names=waits.names,
        waiting_words=waits.words,
        query=query,
        status=status,
        chosen_state=chosen,
        states=states_in_order(ENGLISH),
        back=url_for(".signatures", **kept, page=page),
        pages=numbered_pager(".signatures", page, has_older=len(entries) > ENTRIES_A_PAGE, **kept),
    )


def _select(kind: str, status: str, state: str) -> Select[Signature]:
    """Select what is asked for, in the order of an index that holds little else."""
    wanted = select(Signature).where(counts(), *_condition(kind, status))
    order = (Signature.id,) if status == "waiting" else (Signature.confirmed_on, Signature.id)
    wanted = wanted.order_by(Signature.state_code, *order)
    return wanted.where(Signature.state_code == state) if state else wanted


def _entries(
    db: Session, wanted: Select[Signature], kind: str, query: str, page: int
) -> list[dict[str, object]]:
    if not query:
        rows = db.scalars(wanted.offset((page - 1) * ENTRIES_A_PAGE).limit(ENTRIES_A_PAGE + 1))
        return [_entry(row, kind) for row in rows]
    opened = (_entry(row, kind) for row in db.scalars(wanted.limit(MOST_SEARCHED)))
    found = (each for each in opened if query.casefold() in _searched(each))
    return list(islice(found, ENTRIES_A_PAGE))


def _searched(entry: dict[str, object]) -> str:
    return f"{entry['name']} {entry['town']} {entry['words']}".casefold()


def _condition(kind: str, status: str) -> list[ColumnElement[bool]]:
    verdict = VERDICTS[status]
    if kind == "names":
        to_review, review = awaits_name_approval(), Signature.name_review
        whose = Signature.disclosure == PUBLIC
    else:
        to_review, review = awaits_words_approval(), Signature.words_review
        whose = Signature.has_words.is_(True)
    return (
        [whose, review == verdict]
        if verdict
        else [or_(awaits_name_approval(), awaits_words_approval()), to_review]
    )


def _entry(row: Signature, kind: str) -> dict[str, object]:
    details = box.unseal(row.sealed, unlocked().campaign_key) if row.sealed else box.Details()
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
