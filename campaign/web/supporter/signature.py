"""A signatory's private page: confirm, replace, change who may see the name, withdraw."""

from collections.abc import Callable
from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from campaign.errors import CampaignError, ChangedError, ClosedError, UnknownTokenError
from campaign.reference.language import Language
from campaign.signature.confirm import Confirmation
from campaign.signature.replace import replace
from campaign.signature.shown import Shown
from campaign.signature.withdraw import disclose, withdraw
from campaign.web.site import now, site
from campaign.web.supporter.blueprint import private_bp
from campaign.web.supporter.find_form import FindSignatureForm
from campaign.web.supporter.private_page import (
    ACTIONS,
    disclosure_form,
    open_page,
    read_token,
    render_find_signature,
    render_signature,
)


@private_bp.get("/<language:language>/signature/<token>")
def show(language: Language, token: str) -> ResponseReturnValue:
    """Show what the link belongs to and what can be done with it.

    Mail scanners open every link, so this changes nothing.
    """
    try:
        token, opened = open_page(token, request.args.get("letter", ""))
    except UnknownTokenError:
        return render_find_signature(FindSignatureForm(), is_expired=True), 404
    form = disclosure_form(opened.signature, disclosure=opened.signature.disclosure)
    return render_signature(language, token, opened, form)


@private_bp.post("/<language:language>/signature/<token>")
def change(language: Language, token: str) -> ResponseReturnValue:
    """Confirm, replace, change who may see the name, or withdraw: what the page showed, or nothing."""
    action, page = request.form.get("action", ""), Shown.parse(request.form.get("shown", ""))
    try:
        if action not in ACTIONS:
            return _render_unchanged(language, token, page), 422
        if action == "disclose":
            _, opened = open_page(token, page.state_code if page else "")
            form = disclosure_form(opened.signature)
            if not form.validate():
                return render_signature(language, token, opened, form), 422
        token = read_token(token)
        _perform(action, token, page)
    except UnknownTokenError:
        return render_find_signature(FindSignatureForm(), is_expired=True), 404
    except ChangedError:
        return _render_unchanged(language, token, page, is_changed=True), 409
    except ClosedError:
        return _render_unchanged(language, token, page), 410
    except CampaignError:
        return _render_unchanged(language, token, page), 422
    letter = page.state_code if page else None
    return redirect(url_for(".show", language=language, token=token, done=action, letter=letter), 303)


def _perform(action: str, token: str, page: Shown | None) -> None:
    """Do what the button says to what the *page* showed.

    Raises:
        ChangedError: The page did not say what it showed, or that no longer holds.
    """
    if action == "confirm" and (page or not request.form.get("shown")):
        site().writer.confirm(Confirmation(token, page))
        return
    if page is None:
        raise ChangedError("the page did not say what it showed")
    site().writer.run(_change(action, token, page))


def _change(action: str, token: str, page: Shown) -> Callable[[Session], Any]:
    settings = site().settings
    options: dict[str, Any] = {"page": page, "now": now(), "confirmation_days": settings.confirmation_days}
    if action == "replace":
        keys, writer = site().keys, site().writer
        return lambda db: replace(db, token, keys=keys, closes_on=writer.closes_on(db), **options)
    if action == "disclose":
        disclosure = request.form["disclosure"]
        return lambda db: disclose(db, token, disclosure, **options)
    return lambda db: withdraw(db, token, **options)


def _render_unchanged(language: Language, token: str, page: Shown | None, *, is_changed: bool = False) -> str:
    """Return the page as it is now, after a request that changed nothing."""
    token, opened = open_page(token, page.state_code if page else "")
    form = disclosure_form(opened.signature, disclosure=opened.signature.disclosure)
    return render_signature(language, token, opened, form, is_changed=is_changed)
