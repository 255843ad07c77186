"""Pages on which organisers approve public names and signatories' own words, many at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from sqlalchemy import Select
from sqlalchemy.orm import Session

from campaign.disclosure import approval, safety_list
from campaign.disclosure.approval import NAMES, WORDS, Outcome
from campaign.organiser import audit_log
from campaign.reference.alphabet import is_found
from campaign.reference.participating_state import STATES, states_in_order
from campaign.reference.residence import name as residence_name
from campaign.signature.model import APPROVED, DECLINED, Signature, SignatureKey
from campaign.signature.unsealed_signature import UnsealedSignature
from campaign.web.organise.blueprint import bp
from campaign.web.organise.session import key_ring, unlocked
from campaign.web.organise.signature_key import key_text, read_keys
from campaign.web.pager import numbered_pager, page_number
from campaign.web.serving.language import current_language
from campaign.web.site import commit, now, session, site

ENTRIES_A_PAGE = 50

MOST_SEARCHED = 20_000
"""Boxes opened in one search."""

VERDICTS = {"waiting": None, "approved": APPROVED, "declined": DECLINED}


EXCEPTIONS: dict[Outcome, Callable[[int], str]] = {
    Outcome.ENDANGERED: lambda number: ngettext(
        "%(num)d name was declined: publishing it could endanger a resident of this place.",
        "%(num)d names were declined: publishing them could endanger residents of these places.",
        number,
    ),
    Outcome.UNREADABLE: lambda number: ngettext(
        "%(num)d entry was not changed: it is sealed with an earlier key.",
        "%(num)d entries were not changed: they are sealed with an earlier key.",
        number,
    ),
    Outcome.ALTERED: lambda number: ngettext(
        "%(num)d entry was not changed: its box does not belong to it. Somebody changed the database.",
        "%(num)d entries were not changed: their boxes do not belong to them. Somebody changed the database.",
        number,
    ),
    Outcome.UNCHANGED: lambda number: ngettext(
        "%(num)d entry was not changed: it was withdrawn, or somebody else decided it meanwhile.",
        "%(num)d entries were not changed: they were withdrawn, or somebody else decided them meanwhile.",
        number,
    ),
}
"""The sentence for each outcome that differs from the organiser's choice."""


@bp.get("/signatures")
def signatures() -> ResponseReturnValue:
    """Show the names, or the words, with one status."""
    return _render_entries(session(), request.args, page=page_number())


@bp.post("/signatures/search")
def search_signatures() -> ResponseReturnValue:
    """Show the entries whose name, town or words contain the query; posted, to keep it out of addresses."""
    with site().database.reading() as db:
        return _render_entries(db, request.form, query=request.form.get("query", "").strip())


@bp.post("/signatures")
def approve() -> ResponseReturnValue:
    """Approve or decline the chosen names or words."""
    kind, act, shown = (request.form.get(field, "") for field in ("kind", "act", "shown"))
    keys = read_keys(request.form.getlist("keys"))
    if kind not in {NAMES, WORDS} or act not in {"approve", "decline"} or shown not in VERDICTS:
        abort(400)
    if not keys:
        flash(gettext("Choose at least one entry."), "fault")
        return _redirect_back(kind)
    if act == "approve" and safety_list.is_altered(session()):
        flash(gettext("Nothing is published: somebody changed the safety lists in the database."), "fault")
        return _redirect_back(kind)
    outcomes = _review(kind, act, keys, VERDICTS[shown])
    _log(f"{act} {kind}", outcomes[Outcome.DECIDED])
    if outcomes[Outcome.ENDANGERED]:
        _log("decline names", outcomes[Outcome.ENDANGERED])
    commit()
    _flash_outcomes(act, outcomes)
    return _redirect_back(kind)


def _review(kind: str, act: str, keys: list[SignatureKey], shown: str | None) -> Counter[Outcome]:
    db, ring = session(), key_ring()
    if act == "decline":
        decline = approval.decline_names if kind == NAMES else approval.decline_words
        return decline(db, keys, shown=shown)
    if kind == WORDS:
        return approval.approve_words(db, keys, ring, shown=shown)
    # Not the site's own copy, which may be a second old.
    endangered = safety_list.locked_lists(db, site().appeal).endangered_residences
    return approval.approve_names(db, keys, ring, shown=shown, not_from=endangered)


def _log(act: str, number: int) -> None:
    audit_log.record(session(), unlocked().name, act, str(number), now=now())


def _flash_outcomes(act: str, outcomes: Counter[Outcome]) -> None:
    decided = outcomes[Outcome.DECIDED]
    if act == "approve":
        flash(ngettext("%(num)d entry approved.", "%(num)d entries approved.", decided))
    else:
        flash(ngettext("%(num)d entry declined.", "%(num)d entries declined.", decided))
    for outcome, sentence in EXCEPTIONS.items():
        if outcomes[outcome]:
            flash(sentence(outcomes[outcome]), "fault")


def _redirect_back(kind: str) -> ResponseReturnValue:
    """Redirect to the list that the form names, if it is one of ours."""
    back = request.form.get("back", "")
    is_ours = back.isprintable() and back.startswith(f"{url_for('.signatures')}?")
    return redirect(back if is_ours else url_for(".signatures", kind=kind), 303)


def _render_entries(db: Session, asked: Mapping[str, str], *, page: int = 1, query: str = "") -> str:
    kind = WORDS if asked.get("kind") == WORDS else NAMES
    status, state_code = asked.get("status", "waiting"), asked.get("state", "")
    if status not in VERDICTS or (state_code and state_code not in STATES):
        abort(404)
    selected, unreadable = approval.entries(db, kind, VERDICTS[status], state_code)
    entries = _search(db, selected, query) if query else _page_of_entries(db, selected, page)
    waiting = approval.count_waiting(db)
    kept: dict[str, Any] = {"kind": kind, "status": status, "state": state_code}
    return render_template(
        "organise/signatures.html",
        kind=kind,
        entries=entries[:ENTRIES_A_PAGE],
        unreadable=unreadable,
        waiting_names=waiting.names,
        waiting_words=waiting.words,
        query=query,
        status=status,
        chosen_state=state_code,
        states=states_in_order(current_language()),
        back=url_for(".signatures", **kept, page=page),
        pages=numbered_pager(".signatures", page, has_older=len(entries) > ENTRIES_A_PAGE, **kept),
    )


def _page_of_entries(db: Session, selected: Select[Signature], page: int) -> list[dict[str, object]]:
    """Return the entries of *page*, and one more if there is a next page."""
    rows = db.scalars(selected.offset((page - 1) * ENTRIES_A_PAGE).limit(ENTRIES_A_PAGE + 1))
    return list(_entries(rows))


def _search(db: Session, selected: Select[Signature], query: str) -> list[dict[str, object]]:
    shown_before = key_ring().shown
    matching = (
        each
        for each in _entries(db.scalars(selected.limit(MOST_SEARCHED)))
        if is_found(query, f"{each['name']} {each['town']} {each['words']}")
    )
    found = list(islice(matching, ENTRIES_A_PAGE))
    key_ring().shown = min(key_ring().shown, shown_before + len(found))
    return found


def _entries(rows: Iterable[Signature]) -> Iterator[dict[str, object]]:
    """Yield the entries; those whose box was altered are left out, and the page says so."""
    unsealed = (UnsealedSignature(row, key_ring()) for row in rows)
    return (_entry(each) for each in unsealed if not each.is_altered)


def _entry(signature: UnsealedSignature) -> dict[str, object]:
    row, details = signature.row, signature.details
    return {
        "key": key_text((row.state_code, row.id)),
        "state": STATES[row.state_code],
        # Sealed to another key since this page selected it.
        "name": details.name if details else gettext("sealed with an earlier key"),
        "town": details.town if details else "",
        "residence": residence_name(row.residence, current_language().code),
        "words": details.words if details else "",
    }
