"""Pages on which organisers release held signatures, take others off the count, and undo that."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from campaign.organiser import audit_log
from campaign.reference.participating_state import STATES
from campaign.reference.residence import name as residence_name
from campaign.signature import invalidation, search
from campaign.signature.invalidation import Invalidation
from campaign.signature.model import SignatureKey
from campaign.signature.search import Criteria, Matches
from campaign.signature.unsealed_signature import UnsealedSignature
from campaign.web.organise.blueprint import bp
from campaign.web.organise.criteria_form import CriteriaForm, DecisionForm
from campaign.web.organise.session import key_ring, unlocked
from campaign.web.organise.signature_key import key_text, read_keys
from campaign.web.serving.language import current_language
from campaign.web.site import now, site

SHOWN = 50
"""Signatures shown of those that match."""

MOST_OPENED = 100_000
"""Boxes opened to count the signatures of a domain: a few seconds."""

DECISIONS_SHOWN = 30


@bp.get("/checks")
def checks() -> ResponseReturnValue:
    """Show held signatures, the search form, and past decisions."""
    asked = MultiDict(request.args)
    asked.pop("domain", None)  # it could reveal who signed, so it is only posted
    with site().database.reading() as db:
        form = CriteriaForm(asked)
        return _render_checks(db, form, is_searched=bool(asked) and form.validate())


@bp.post("/checks/find")
def find_signatures() -> ResponseReturnValue:
    """Show how many signatures match, and the first of them."""
    form = CriteriaForm(request.form)
    is_valid = form.validate()
    with site().database.reading() as db:
        return _render_checks(db, form, is_searched=is_valid), 200 if is_valid else 422


@bp.post("/checks")
def decide() -> ResponseReturnValue:
    """Invalidate or release the chosen signatures, or all that match."""
    form, decision_form = CriteriaForm(request.form), DecisionForm(request.form)
    act, scope = request.form.get("act"), request.form.get("scope")
    if act not in {"invalidate", "release"} or scope not in {"chosen", "all"} or not form.validate():
        abort(400)
    criteria = form.criteria() if scope == "all" else None
    chosen = read_keys(request.form.getlist("keys"))
    if (act == "invalidate" and not decision_form.validate()) or (criteria and criteria.is_empty):
        with site().database.reading() as db:
            return _render_checks(db, form, is_searched=True, decision_form=decision_form), 422
    if criteria is None and not chosen:
        flash(gettext("Choose at least one entry."), "fault")
        return redirect(url_for(".checks"), 303)
    if act == "release":
        _flash_released(_release(_batches(criteria, chosen)))
    else:
        _flash_invalidated(_invalidate(criteria, chosen, decision_form.reason.data))
    site().snapshots.expire()
    return redirect(url_for(".checks"), 303)


@bp.post("/checks/<uuid:decision_id>/undo")
def undo_decision(decision_id: UUID) -> ResponseReturnValue:
    """Undo a decision: its signatures count again."""
    with site().database.reading() as db:
        if db.get(Invalidation, decision_id) is None:
            abort(404)
    undone = 0
    by = unlocked().name
    while True:
        with site().database.writing() as db:
            number = invalidation.undo(db, decision_id, by=by, now=now())
            if not number:
                audit_log.record(db, by, "undo invalidation", str(undone), now=now())
                break
            undone += number
    site().snapshots.expire()
    flash(
        ngettext(
            "Undone: %(num)d signature is as it was before.",
            "Undone: %(num)d signatures are as they were before.",
            undone,
        )
    )
    return redirect(url_for(".checks"), 303)


def _batches(criteria: Criteria | None, chosen: Iterable[SignatureKey]) -> Iterator[list[SignatureKey]]:
    """Yield the chosen or matching keys; changing one batch does not disturb the next."""
    if criteria is None:
        yield list(chosen)
        return
    with site().database.reading() as db:
        keys = (found.key for found in search.find(db, criteria, key_ring()))
        while batch := list(islice(keys, invalidation.BATCH)):
            yield batch


def _invalidate(criteria: Criteria | None, chosen: list[SignatureKey], reason: str) -> int:
    by, number = unlocked().name, 0
    with site().database.writing() as db:
        decision = invalidation.record_decision(db, criteria, reason, by=by, now=now())
    for batch in _batches(criteria, chosen):
        with site().database.writing() as db:
            number += invalidation.invalidate(db, decision.id, batch)
    with site().database.writing() as db:
        audit_log.record(db, by, "invalidate", str(number), now=now())
    return number


def _release(batches: Iterable[list[SignatureKey]]) -> int:
    number = 0
    for batch in batches:
        with site().database.writing() as db:
            number += invalidation.release(db, batch)
    with site().database.writing() as db:
        audit_log.record(db, unlocked().name, "release held", str(number), now=now())
    return number


def _flash_released(number: int) -> None:
    flash(
        ngettext(
            "%(num)d signature is no longer held: it counts once it is confirmed.",
            "%(num)d signatures are no longer held: they count once they are confirmed.",
            number,
        )
    )


def _flash_invalidated(number: int) -> None:
    flash(
        ngettext(
            "%(num)d signature was taken off the count.",
            "%(num)d signatures were taken off the count.",
            number,
        )
    )


def _render_checks(
    db: Session, form: CriteriaForm, *, is_searched: bool, decision_form: DecisionForm | None = None
) -> str:
    criteria = form.criteria() if is_searched else Criteria()
    matches: Matches | None = None
    if not criteria.is_empty:
        matches = search.summarise(db, criteria, key_ring(), first=SHOWN, most_read=MOST_OPENED)
    return render_template(
        "organise/checks.html",
        form=form,
        decision_form=decision_form or DecisionForm(formdata=None),
        held=invalidation.count_held(db),
        asked_for_all=is_searched and criteria.is_empty,
        matches=matches,
        ticked=frozenset(request.form.getlist("keys")),
        scope=request.form.get("scope", "chosen"),
        entries=[_entry(each) for each in matches.first] if matches else [],
        decisions=_decisions(db),
    )


def _entry(signature: UnsealedSignature) -> dict[str, object]:
    row, details = signature.row, signature.details
    return {
        "key": key_text(signature.key),
        "state": STATES[row.state_code],
        "name": details.name if details else "",
        "is_altered": signature.is_altered,
        "domain": details.email.rpartition("@")[2] if details else "",
        "town": details.town if details else "",
        "residence": residence_name(row.residence, current_language().code),
        "signed_on": row.signed_on,
        "is_confirmed": row.confirmed_on is not None,
        "held_for": row.held_for or "",
    }


def _decisions(db: Session) -> list[dict[str, Any]]:
    shown = db.scalars(invalidation.decisions().limit(DECISIONS_SHOWN)).all()
    undoable = invalidation.count_undoable(db, [each.id for each in shown])
    decisions = []
    for each in shown:
        grounds = invalidation.grounds(each, key_ring())
        decisions.append(
            {
                "decision": each,
                "grounds": grounds,
                "criteria": _with_names(grounds.rule) if grounds else {},
                "undoable": undoable.get(each.id, 0),
            }
        )
    return decisions


def _with_names(criteria: dict[str, str]) -> dict[str, str]:
    """Return search criteria with names in place of codes."""
    named = dict(criteria)
    if "state_code" in named:
        named["state_code"] = STATES[named["state_code"]].name(current_language().code)
    if "residence" in named:
        named["residence"] = residence_name(named["residence"], current_language().code)
    return named
