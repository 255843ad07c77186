"""Pages on which organisers answer data subjects: the signatures of one address, and their erasure."""

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from campaign.delivery.model import with_signature
from campaign.organiser import audit_log
from campaign.reference.language import language_name
from campaign.reference.participating_state import STATES
from campaign.reference.residence import name as residence_name
from campaign.signature import data_request
from campaign.signature.data_request import BoxSearch, Subject
from campaign.signature.model import Signature, SignatureKey
from campaign.signature.unsealed_signature import UnsealedSignature
from campaign.web.organise.blueprint import bp
from campaign.web.organise.data_request_form import EraseForm, RequestForm
from campaign.web.organise.session import key_ring, unlocked
from campaign.web.organise.signature_key import key_text, read_key, read_keys
from campaign.web.serving.language import current_language
from campaign.web.site import commit, now, session, site


@bp.get("/requests")
def requests() -> ResponseReturnValue:
    """Show the form for the address."""
    return _render_requests(RequestForm())


@bp.post("/requests")
def find_by_address() -> ResponseReturnValue:
    """Show the signatures of an e-mail address; posted, to keep it out of web addresses."""
    form = RequestForm()
    if not form.validate():
        return _render_requests(form), 422
    subject = _subject(form)
    # Boxes take seconds to open: signing does not wait for a session that only reads.
    with site().database.reading() as db:
        if request.form.get("search") != "boxes":
            found, part = data_request.find_by_digest(db, subject), None
        else:
            part = data_request.search_boxes(db, subject, after=read_key(request.form.get("after", "")))
            found = _merge(data_request.find_by_key(db, subject, _keys("found")), part.found)
    if part is None or part.found:  # not each part of a long search
        _record("look for an address", [each.row for each in found])
    return _render_requests(form, found, part)


@bp.post("/requests/erase")
def erase_by_address() -> ResponseReturnValue:
    """Withdraw and erase the chosen signatures of the address."""
    form, chosen = EraseForm(), _keys("keys")
    is_valid = form.validate()
    if form.email.errors:
        abort(400)  # the field is hidden: the form was altered
    subject = _subject(form)
    if not is_valid or not chosen:
        found = data_request.find_by_key(session(), subject, _keys("found"))
        return _render_requests(RequestForm(), found, erase_form=form), 422
    erased = data_request.erase_for(session(), subject, chosen, now=now())
    _record("erase on request", erased)
    flash(
        ngettext(
            "%(num)d signature was withdrawn and erased. Tell the person so.",
            "%(num)d signatures were withdrawn and erased. Tell the person so.",
            len(erased),
        )
    )
    return redirect(url_for(".requests"), 303)


def _subject(form: RequestForm) -> Subject:
    return Subject(form.email.data, site().keys, key_ring())


def _record(act: str, rows: list[Signature]) -> None:
    """Log the number of signatures and their letters, but not the address."""
    letters = " ".join(sorted({row.state_code for row in rows}))
    audit_log.record(session(), unlocked().name, act, f"{len(rows)} {letters}".strip(), now=now())
    commit()


def _keys(field: str) -> list[SignatureKey]:
    return read_keys(request.form.getlist(field))


def _merge(*parts: list[UnsealedSignature]) -> list[UnsealedSignature]:
    return list({each.key: each for part in parts for each in part}.values())


def _render_requests(
    form: RequestForm,
    found: list[UnsealedSignature] | None = None,
    part: BoxSearch | None = None,
    *,
    erase_form: EraseForm | None = None,
) -> str:
    searched = request.form.get("searched", 0, type=int) + (part.number if part else 0)
    # The first count is shown before any box is opened, so it has to be fast.
    number = 0 if found is None else data_request.count_boxes(session(), is_exact=part is not None)
    return render_template(
        "organise/requests.html",
        form=form,
        erase_form=erase_form or EraseForm(formdata=None),
        is_nothing_chosen=erase_form is not None and not _keys("keys"),
        ticked=frozenset(request.form.getlist("keys")),
        entries=None if found is None else [_entry(each) for each in found],
        is_recognised=site().erased_close is None,
        boxes=number,
        most_counted=None if part else data_request.MOST_COUNTED,
        searched=searched,
        after=key_text(part.after) if part and part.after else "",
        is_searched=part is not None,
        unreadable=data_request.count_unreadable(session()) if part else 0,
    )


def _entry(signature: UnsealedSignature) -> dict[str, object]:
    row = signature.row
    deliveries = with_signature(session(), row.state_code, row.id)
    return {
        "key": key_text(signature.key),
        "row": row,
        "details": signature.details,
        "is_altered": signature.is_altered,
        "state": STATES[row.state_code],
        "residence": residence_name(row.residence, current_language().code),
        "language": language_name(row.language, current_language().code),
        "lists": [{"sent_on": each.sent_on, "number": listed.number} for each, listed in deliveries],
    }
