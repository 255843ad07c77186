"""Pages to enter the delegations' addresses by hand, or to import them from a CSV file."""

import csv
import io

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from campaign.delivery import delegation
from campaign.delivery.address_file import COLUMNS
from campaign.delivery.delegation import Address
from campaign.errors import DelegationError
from campaign.organiser import audit_log
from campaign.reference.participating_state import STATES, ParticipatingState, states_in_order
from campaign.web.organise.blueprint import bp
from campaign.web.organise.delegation_form import DelegationForm, DelegationImportForm
from campaign.web.organise.session import unlocked
from campaign.web.serving.language import current_language
from campaign.web.site import commit, now, session


@bp.get("/delegations")
def delegations() -> ResponseReturnValue:
    """Show each delegation's address, its source and when it was checked."""
    editing = STATES.get(request.args.get("state", ""))
    form = DelegationForm(obj=delegation.delegations(session()).get(editing.code) if editing else None)
    return _render_delegations(form, DelegationImportForm(), editing=editing)


@bp.get("/delegations/template.csv", endpoint="delegations_template")
def template() -> ResponseReturnValue:
    """Send a CSV file to fill in, with the code of each participating state."""
    file = io.StringIO(newline="")
    lines = csv.writer(file)
    lines.writerow(COLUMNS)
    lines.writerows([code, "", "", ""] for code in sorted(STATES))
    response = Response(file.getvalue(), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename="delegations.csv")
    return response


@bp.post("/delegations/<state:state>")
def save_delegation(state: ParticipatingState) -> ResponseReturnValue:
    """Save an address that an organiser entered."""
    form = DelegationForm()
    if not form.validate():
        return _render_delegations(form, DelegationImportForm(), editing=state), 422
    address = Address(state.code, form.email.data, form.source.data, form.checked_on.data)
    try:
        delegation.save(session(), address, by=unlocked().name, now=now())
    except DelegationError:
        form.email.errors = [gettext("No letter can be sent to an address like this. Please check it.")]
        return _render_delegations(form, DelegationImportForm(), editing=state), 422
    audit_log.record(session(), unlocked().name, "enter address", state.code, now=now())
    commit()
    flash(gettext("Address saved."))
    return redirect(url_for(".delegations"), 303)


@bp.post("/delegations/import")
def import_delegations() -> ResponseReturnValue:
    """Save all addresses of a file, or none."""
    form = DelegationImportForm()
    if not form.validate():
        return _render_delegations(DelegationForm(formdata=None), form), 422
    try:
        number = delegation.import_csv(
            session(),
            form.file.data.read(),
            by=unlocked().name,
            now=now(),
            language=current_language().code,
        )
    except DelegationError as error:
        session().rollback()
        return _render_delegations(DelegationForm(formdata=None), form, faults=str(error).splitlines()), 422
    audit_log.record(session(), unlocked().name, "import addresses", str(number), now=now())
    commit()
    flash(ngettext("%(num)d address imported.", "%(num)d addresses imported.", number))
    return redirect(url_for(".delegations"), 303)


def _render_delegations(
    form: DelegationForm,
    import_form: DelegationImportForm,
    *,
    editing: ParticipatingState | None = None,
    faults: list[str] | None = None,
) -> str:
    known = delegation.delegations(session())
    return render_template(
        "organise/delegations.html",
        rows=[
            {"state": state, "delegation": known.get(state.code)}
            for state in states_in_order(current_language())
        ],
        editing=editing,
        form=form,
        import_form=import_form,
        faults=faults or [],
    )
