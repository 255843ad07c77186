"""Requests of data subjects who write to the organisers: what is held about an address, and its erasure."""

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from campaign.delivery.model import with_signature
from campaign.organiser import audit_log
from campaign.reference.language import ENGLISH
from campaign.reference.participating_state import STATES
from campaign.reference.residence import name as residence_name
from campaign.signature import data_request as asking
from campaign.signature.data_request import Asked, Held, Opened
from campaign.signature.model import Key, Signature
from campaign.web.organise.blueprint import bp
from campaign.web.organise.form import EraseForm, RequestForm, read_key
from campaign.web.organise.session import unlocked
from campaign.web.site import commit, now, session, site


@bp.get("/requests")
def requests() -> ResponseReturnValue:
    """Ask for the address."""
    return _page(RequestForm())


@bp.post("/requests")
def find_by_address() -> ResponseReturnValue:
    """Show every signature of the address; posted, so that it stands in no web address."""
    form = RequestForm()
    if not form.validate():
        return _page(form), 422
    asked = _asked(form)
    # Boxes may take seconds to open: nobody who signs shall wait for that.
    with site().database.reading() as db:
        if request.form.get("search") != "boxes":
            held, opened = asking.by_digest(db, asked), None
        else:
            opened = asking.by_opening(db, asked, after=read_key(request.form.get("after", "")))
            held = _together(asking.by_key(db, asked, _chosen("found")), opened.found)
    if opened is None or opened.found:  # not for each part of a long search in vain
        _record("look for an address", [each.row for each in held])
    return _page(form, held, opened)


@bp.post("/requests/erase")
def erase_by_address() -> ResponseReturnValue:
    """Withdraw and erase the signatures of the address that were ticked."""
    form, chosen = EraseForm(), _chosen("keys")
    is_valid = form.validate()
    if form.email.errors:
        abort(400)  # it is hidden: somebody changed the page
    asked = _asked(form)
    if not is_valid or not chosen:
        shown = asking.by_key(session(), asked, _chosen("found"))
        return _page(RequestForm(), shown, erase_form=form), 422
    erased = asking.erase_for(session(), asked, chosen, now=now())
    _record("erase on request", erased)
    flash(
        ngettext(
            "%(num)d signature was withdrawn and erased. Tell the person so.",
            "%(num)d signatures were withdrawn and erased. Tell the person so.",
            len(erased),
        )
    )
    return redirect(url_for(".requests"), 303)


def _asked(form: RequestForm) -> Asked:
    return Asked(form.email.data, site().keys, unlocked().campaign_private_key)


def _record(act: str, rows: list[Signature]) -> None:
    """Log how many there were of which letters: whose, the log must not say."""
    letters = " ".join(sorted({row.state_code for row in rows}))
    audit_log.record(session(), unlocked().name, act, f"{len(rows)} {letters}".strip(), now=now())
    commit()


def _chosen(field: str) -> list[Key]:
    return [key for text in request.form.getlist(field) if (key := read_key(text))]


def _together(*parts: list[Held]) -> list[Held]:
    return list({(each.row.state_code, each.row.id): each for part in parts for each in part}.values())


def _page(
    form: RequestForm,
    held: list[Held] | None = None,
    opened: Opened | None = None,
    *,
    erase_form: EraseForm | None = None,
) -> str:
    closes_on = site().settings.closes_on
    searched = request.form.get("searched", 0, type=int) + (opened.boxes if opened else 0)
    # Spoken of once an address was looked for, and counted to the last when many are opened anyway.
    boxes = 0 if held is None else asking.count_boxes(session(), is_exact=opened is not None)
    return render_template(
        "organise/requests.html",
        form=form,
        erase_form=erase_form or EraseForm(formdata=None),
        is_nothing_chosen=erase_form is not None and not _chosen("keys"),
        ticked=frozenset(request.form.getlist("keys")),
        entries=None if held is None else [_entry(each) for each in held],
        is_recognised=closes_on is None or now().date() <= closes_on,
        boxes=boxes,
        most_counted=None if opened else asking.MOST_COUNTED,
        searched=searched,
        after=_text(opened.after) if opened and opened.after else "",
        is_searched=opened is not None,
    )


def _entry(held: Held) -> dict[str, object]:
    row = held.row
    deliveries = with_signature(session(), row.state_code, row.id)
    return {
        "key": _text((row.state_code, row.id)),
        "row": row,
        "details": held.details,
        "state": STATES[row.state_code],
        "residence": residence_name(row.residence, ENGLISH.code),
        "lists": [{"sent_on": each.sent_on, "number": listed.number} for each, listed in deliveries],
    }


def _text(key: Key) -> str:
    return f"{key[0]}:{key[1].hex}"
