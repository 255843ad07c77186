"""Check a delivered letter by the code on its cover."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from campaign.delivery.model import by_code
from campaign.reference.language import Language
from campaign.reference.participating_state import STATES
from campaign.sealing.code import grouped, read_code
from campaign.web.site import session, site
from campaign.web.supporter.blueprint import bp
from campaign.web.supporter.find_form import FindDeliveryForm


@bp.get("/<language:language>/verify")
def find_delivery(language: Language) -> ResponseReturnValue:
    """Ask for the code that is printed on a delivered letter's cover."""
    form = FindDeliveryForm(request.args)
    if "code" not in request.args:
        return _render_find_delivery(form)
    if not form.validate():
        return _render_find_delivery(form), 422
    return redirect(url_for(".verify", language=language, code=form.code.data), 303)


@bp.get("/<language:language>/verify/<code>")
def verify(language: Language, code: str) -> ResponseReturnValue:
    """Show what was delivered under *code*."""
    read = read_code(code)
    delivery = by_code(session(), read) if read else None
    if delivery is None:
        return _render_find_delivery(FindDeliveryForm(), is_unknown=True), 404
    state = STATES[delivery.state_code]
    is_current = delivery.edition == site().edition
    delivered = {
        "code": grouped(delivery.code),
        "state": state,
        "sent_on": delivery.sent_on,
        "edition": delivery.edition,
        "count": delivery.total,
        "named": delivery.named,
        "letter_sha256": delivery.letter_hash.hex(),
        "list_sha256": delivery.list_hash.hex(),
        # By the list as it was delivered: the safety lists may have changed since.
        "names_withheld": not delivery.named and state.code in site().appeal.no_names_to,
        "status": delivery.status,
    }
    letter_url = url_for(".letter_text", language=language, state=state) if is_current else ""
    return render_template("supporter/verify.html", delivered=delivered, letter_url=letter_url)


def _render_find_delivery(form: FindDeliveryForm, *, is_unknown: bool = False) -> str:
    return render_template("supporter/find_delivery.html", form=form, is_unknown=is_unknown)
