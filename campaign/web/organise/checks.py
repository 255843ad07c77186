"""Looking at what is held, taking signatures off the count by rule or one by one, and undoing it."""

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
from campaign.reference.language import ENGLISH
from campaign.reference.participating_state import STATES
from campaign.reference.residence import name as residence_name
from campaign.signature import invalidation
from campaign.signature import search as rules
from campaign.signature.invalidation import Invalidation
from campaign.signature.model import Key
from campaign.signature.search import Found, Outline, Rule
from campaign.web.organise.blueprint import bp
from campaign.web.organise.form import read_key
from campaign.web.organise.rule_form import DecisionForm, RuleForm
from campaign.web.organise.session import unlocked
from campaign.web.site import now, site

SHOWN = 50
"""Signatures shown of those that a rule means."""

MOST_OPENED = 100_000
"""Boxes opened to say beforehand how many have a domain: a few seconds."""

DECISIONS_SHOWN = 30


@bp.get("/checks")
def checks() -> ResponseReturnValue:
    """Show what is held, the form that finds signatures, and what was decided."""
    asked = MultiDict(request.args)
    asked.pop("domain", None)  # it could tell who signed, so it stands in no address
    with site().database.reading() as db:
        form = RuleForm(asked)
        return _page(db, form, looks=bool(asked) and form.validate())


@bp.post("/checks/find")
def find_signatures() -> ResponseReturnValue:
    """Show how many signatures a rule means, and the first of them."""
    form = RuleForm(request.form)
    is_valid = form.validate()
    with site().database.reading() as db:
        return _page(db, form, looks=is_valid), 200 if is_valid else 422


@bp.post("/checks")
def decide() -> ResponseReturnValue:
    """Take the chosen signatures, or all that the rule means, off the count; or let held ones count."""
    form, decision_form = RuleForm(request.form), DecisionForm(request.form)
    act, scope = request.form.get("act"), request.form.get("scope")
    if act not in {"invalidate", "release"} or scope not in {"chosen", "all"} or not form.validate():
        abort(400)
    rule = form.rule() if scope == "all" else None
    chosen = [key for text in request.form.getlist("keys") if (key := read_key(text))]
    if (act == "invalidate" and not decision_form.validate()) or (rule is not None and rule.is_empty):
        with site().database.reading() as db:
            return _page(db, form, looks=True, decision_form=decision_form), 422
    if rule is None and not chosen:
        flash(gettext("Choose at least one entry."), "fault")
        return redirect(url_for(".checks"), 303)
    if act == "release":
        _say_released(_release(_batches(rule, chosen)))
    else:
        _say_invalidated(_invalidate(rule, chosen, decision_form.reason.data))
    site().snapshots.expire()
    return redirect(url_for(".checks"), 303)


@bp.post("/checks/<uuid:decision_id>/undo")
def undo_decision(decision_id: UUID) -> ResponseReturnValue:
    """Take a decision back: what it set aside counts again."""
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


def _batches(rule: Rule | None, chosen: Iterable[Key]) -> Iterator[list[Key]]:
    """Yield the keys that are meant; whatever is done with one batch does not disturb the next."""
    if rule is None:
        yield list(chosen)
        return
    with site().database.reading() as db:
        keys = (found.key for found in rules.find(db, rule, unlocked().campaign_private_key))
        while batch := list(islice(keys, invalidation.BATCH)):
            yield batch


def _invalidate(rule: Rule | None, chosen: list[Key], reason: str) -> int:
    by, number = unlocked().name, 0
    with site().database.writing() as db:
        decision = invalidation.begin(db, rule, reason, by=by, now=now())
    for batch in _batches(rule, chosen):
        with site().database.writing() as db:
            number += invalidation.invalidate(db, decision.id, batch)
    with site().database.writing() as db:
        audit_log.record(db, by, "invalidate", str(number), now=now())
    return number


def _release(batches: Iterable[list[Key]]) -> int:
    number = 0
    for batch in batches:
        with site().database.writing() as db:
            number += invalidation.release(db, batch)
    with site().database.writing() as db:
        audit_log.record(db, unlocked().name, "release held", str(number), now=now())
    return number


def _say_released(number: int) -> None:
    flash(
        ngettext(
            "%(num)d signature is no longer held: it counts once it is confirmed.",
            "%(num)d signatures are no longer held: they count once they are confirmed.",
            number,
        )
    )


def _say_invalidated(number: int) -> None:
    flash(
        ngettext(
            "%(num)d signature was taken off the count.",
            "%(num)d signatures were taken off the count.",
            number,
        )
    )


def _page(db: Session, form: RuleForm, *, looks: bool, decision_form: DecisionForm | None = None) -> str:
    rule = form.rule() if looks else Rule()
    outline: Outline | None = None
    if looks and not rule.is_empty:
        outline = rules.outline(db, rule, unlocked().campaign_private_key, first=SHOWN, most_read=MOST_OPENED)
    return render_template(
        "organise/checks.html",
        form=form,
        decision_form=decision_form or DecisionForm(formdata=None),
        held=invalidation.held(db),
        asked_for_all=looks and rule.is_empty,
        outline=outline,
        ticked=frozenset(request.form.getlist("keys")),
        scope=request.form.get("scope", "chosen"),
        entries=[_entry(found) for found in outline.first] if outline else [],
        decisions=_decisions(db),
    )


def _entry(found: Found) -> dict[str, object]:
    row, details = found.row, found.details
    return {
        "key": f"{row.state_code}:{row.id.hex}",
        "state": STATES[row.state_code],
        "name": details.name if details else "",
        "domain": details.email.rpartition("@")[2] if details else "",
        "town": details.town if details else "",
        "residence": residence_name(row.residence, ENGLISH.code),
        "signed_on": row.signed_on,
        "is_confirmed": row.confirmed_on is not None,
        "held_for": row.held_for or "",
    }


def _decisions(db: Session) -> list[dict[str, Any]]:
    shown = db.scalars(invalidation.decisions().limit(DECISIONS_SHOWN)).all()
    left = invalidation.left(db, [each.id for each in shown])
    decisions = []
    for each in shown:
        grounds = invalidation.grounds(each, unlocked().campaign_private_key)
        decisions.append(
            {
                "decision": each,
                "grounds": grounds,
                "rule": _in_words(grounds.rule) if grounds else {},
                "left": left.get(each.id, 0),
            }
        )
    return decisions


def _in_words(rule: dict[str, str]) -> dict[str, str]:
    """Return the parts of a rule with codes as names."""
    words = dict(rule)
    if "state_code" in words:
        words["state_code"] = STATES[words["state_code"]].name(ENGLISH.code)
    if "residence" in words:
        words["residence"] = residence_name(words["residence"], ENGLISH.code)
    return words
