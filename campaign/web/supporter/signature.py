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
from campaign.web.supporter.disclosure_form import DisclosureForm
from campaign.web.supporter.find_form import FindSignatureForm
from campaign.web.supporter.link_page import open_all, render_link
from campaign.web.supporter.pressed import Pressed, read_pressed
from campaign.web.supporter.private_page import (
    ACTIONS,
    disclosure_form,
    open_page,
    read_token,
    render_signature,
    unknown_link,
)


@private_bp.get("/<language:language>/signature/<token>")
def show(language: Language, token: str) -> ResponseReturnValue:
    """Show what the link belongs to and what can be done with it.

    Mail scanners open every link, so this changes nothing.
    """
    return _render(language, token, request.args.get("letter", ""))


@private_bp.errorhandler(UnknownTokenError)
def show_unknown_link(_error: UnknownTokenError) -> ResponseReturnValue:
    """Show what to do with a link that opens nothing."""
    return unknown_link(FindSignatureForm())


@private_bp.post("/<language:language>/signature/<token>")
def change(language: Language, token: str) -> ResponseReturnValue:
    """Confirm, replace, change who may see the name, or withdraw: what the page showed, or nothing."""
    action, pressed = request.form.get("action", ""), read_pressed(request.form)
    try:
        if action not in ACTIONS:
            return _render(language, token, pressed.letter), 422
        if pressed.is_empty:
            return _render(language, token, is_empty=True), 422
        if action == "disclose":
            form = _disclosure_form(token, pressed)
            if not form.validate():
                return _render(language, token, pressed.letter, form), 422
        token = read_token(token)
        _perform(action, token, pressed)
    except UnknownTokenError:
        raise  # its handler answers
    except ChangedError:
        return _render(language, token, pressed.letter, is_changed=True), 409
    except ClosedError:
        return _render(language, token, pressed.letter), 410
    except CampaignError:
        return _render(language, token, pressed.letter), 422
    letter = pressed.letter or None
    return redirect(url_for(".show", language=language, token=token, done=action, letter=letter), 303)


def _perform(action: str, token: str, pressed: Pressed) -> None:
    """Do what the button says to what the page showed.

    Raises:
        ChangedError: The page did not say what it showed, or that no longer holds.
    """
    if not pressed.is_shown or (not pressed.pages and action != "confirm"):
        raise ChangedError("the page did not say what it showed")
    if action == "confirm":
        site().writer.confirm(Confirmation(token, pressed.pages))
        return
    site().writer.run(_change(action, token, pressed.pages))


def _change(action: str, token: str, pages: tuple[Shown, ...]) -> Callable[[Session], Any]:
    settings = site().settings
    options: dict[str, Any] = {"pages": pages, "now": now(), "confirmation_days": settings.confirmation_days}
    if action == "replace":
        keys, writer = site().keys, site().writer
        return lambda db: replace(db, token, keys=keys, closes_on=writer.closes_on(db), **options)
    if action == "disclose":
        disclosure = request.form["disclosure"]
        return lambda db: disclose(db, token, disclosure, **options)
    return lambda db: withdraw(db, token, **options)


def _disclosure_form(token: str, pressed: Pressed) -> DisclosureForm:
    signatures = open_all(token).signatures
    about = [each for each in signatures if any(page.is_about(each) for page in pressed.pages)]
    return disclosure_form(*(about or signatures))


def _render(
    language: Language,
    token: str,
    letter: str = "",
    form: DisclosureForm | None = None,
    *,
    is_changed: bool = False,
    is_empty: bool = False,
) -> str:
    """Return the page of one *letter* as it is now; by default, of all that the link opens.

    Args:
        language: Of the page.
        token: Of the link.
        letter: Code of the letter's State.
        form: To change who may see the name, with its errors.
        is_changed: A button was pressed on a page that no longer holds, and nothing was done.
        is_empty: A button was pressed without a letter, and nothing was done.
    """
    token, opened = open_page(token, letter)
    if len(opened.state_codes) > 1 and not letter:
        return render_link(language, token, form, is_changed=is_changed, is_empty=is_empty)
    form = form or disclosure_form(opened.signature, disclosure=opened.signature.disclosure)
    return render_signature(language, token, opened, form, is_changed=is_changed)
