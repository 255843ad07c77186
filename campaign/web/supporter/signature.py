"""A signatory's private page: confirm, change who may see the name, withdraw."""

from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from campaign.errors import CampaignError, ClosedError, UnknownTokenError
from campaign.reference.language import Language
from campaign.signature.withdraw import disclose, withdraw
from campaign.web.site import now, site
from campaign.web.supporter.blueprint import private_bp
from campaign.web.supporter.find_form import FindSignatureForm
from campaign.web.supporter.private_page import (
    ACTIONS,
    disclosure_form,
    open_signature,
    read_token,
    render_find_signature,
    render_signature,
)


@private_bp.get("/<language:language>/signature/<token>")
def show(language: Language, token: str) -> ResponseReturnValue:
    """Show the signature and what can be done with it.

    Mail scanners open every link, so this changes nothing.
    """
    try:
        token, signature = open_signature(token)
    except UnknownTokenError:
        return render_find_signature(FindSignatureForm(), is_expired=True), 404
    form = disclosure_form(signature, disclosure=signature.disclosure)
    return render_signature(language, token, signature, form)


@private_bp.post("/<language:language>/signature/<token>")
def change(language: Language, token: str) -> ResponseReturnValue:
    """Confirm, change who may see the name, or withdraw."""
    action = request.form.get("action", "")
    try:
        if action not in ACTIONS:
            return _render_unchanged(language, token), 422
        token, disclosure = read_token(token), ""
        if action == "disclose":
            _token, signature = open_signature(token)
            form = disclosure_form(signature)
            if not form.validate():
                return render_signature(language, token, signature, form), 422
            disclosure = form.disclosure.data
        _perform(action, token, disclosure)
    except UnknownTokenError:
        return render_find_signature(FindSignatureForm(), is_expired=True), 404
    except ClosedError:
        return _render_unchanged(language, token), 410
    except CampaignError:
        return _render_unchanged(language, token), 422
    return redirect(url_for(".show", language=language, token=token, done=action), 303)


def _perform(action: str, token: str, disclosure: str) -> None:
    options: dict[str, Any] = {"now": now(), "confirmation_days": site().settings.confirmation_days}
    if action == "confirm":
        site().writer.confirm(token)
    elif action == "disclose":
        site().writer.run(lambda db: disclose(db, token, disclosure, **options))
    else:
        site().writer.run(lambda db: withdraw(db, token, **options))


def _render_unchanged(language: Language, token: str) -> str:
    """Return the page of a signature that a request could not change."""
    token, signature = open_signature(token)
    return render_signature(language, token, signature, disclosure_form(signature))
