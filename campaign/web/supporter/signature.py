"""The signatory's private page, and the ways back to it."""

from datetime import date, timedelta
from typing import Any

import segno
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.wrappers import Response

from campaign.delivery.model import with_signature
from campaign.errors import CampaignError, ClosedError, UnknownTokenError
from campaign.reference import residence
from campaign.reference.language import LANGUAGES, Language
from campaign.reference.participating_state import STATES
from campaign.sealing.code import grouped, read_code
from campaign.signature import count
from campaign.signature.erase import months_later
from campaign.signature.link import ask_for_links, count_links
from campaign.signature.model import Signature
from campaign.signature.withdraw import disclose, open_link, withdraw
from campaign.web.serving import headers
from campaign.web.site import is_open, letter_to, now, session, site
from campaign.web.supporter.find_form import FindSignatureForm
from campaign.web.supporter.form import DisclosureForm

bp = Blueprint("signature", __name__)
bp.before_request(headers.forbid_foreign_posts)

DEEDS = ("confirm", "disclose", "withdraw")


@bp.before_request
def say_that_all_is_erased() -> ResponseReturnValue | None:
    """Answer every link alike once nothing can tell any more whose signature is whose."""
    if site().erased_on is None:
        return None
    return render_template("supporter/erased.html"), 410


@bp.after_request
def keep_private(response: Response) -> Response:
    """Keep these pages out of every cache, and out of search engines."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@bp.get("/<language:language>/signature/<token>")
def page(language: Language, token: str) -> ResponseReturnValue:
    """Show what can be done; mail scanners open every link, so nothing is done by looking."""
    try:
        code, found = _open(token)
    except UnknownTokenError:
        return _find_page(FindSignatureForm(), is_expired=True), 404
    return _page(language, code, found, _form(found, disclosure=found.disclosure))


@bp.post("/<language:language>/signature/<token>")
def change(language: Language, token: str) -> ResponseReturnValue:
    """Confirm, change who may see the name, or withdraw."""
    deed = request.form.get("action", "")
    try:
        if deed not in DEEDS:
            return _refused(language, token), 422
        code, disclosure = _read(token), ""
        if deed == "disclose":
            _code, found = _open(token)
            form = _form(found)
            if not form.validate():
                return _page(language, code, found, form), 422
            disclosure = form.disclosure.data
        _act(deed, code, disclosure)
    except UnknownTokenError:
        return _find_page(FindSignatureForm(), is_expired=True), 404
    except ClosedError:
        return _refused(language, token), 410
    except CampaignError:
        return _refused(language, token), 422
    return redirect(url_for(".page", language=language, token=code, done=deed), 303)


@bp.get("/<language:language>/signature")
def find(language: Language) -> ResponseReturnValue:
    """Ask for the typed code, or for the address to send the links to."""
    del language
    return _find_page(FindSignatureForm())


@bp.post("/<language:language>/signature")
def look_up(language: Language) -> ResponseReturnValue:
    """Open the page by its code, or send the links: the same answer for any address."""
    form = FindSignatureForm()
    if not form.validate():
        return _find_page(form), 422
    if form.code.data:
        try:
            code, _found = _open(form.code.data)
        except UnknownTokenError:
            return _find_page(form, is_expired=True), 404
        return redirect(url_for(".page", language=language, token=code), 303)
    asked, keys, moment = form.email.data, site().keys, now()
    site().writer.run(lambda db: ask_for_links(db, asked, language=language.code, keys=keys, now=moment))
    site().tasks.wake()
    return redirect(url_for(".sent", language=language), 303)


@bp.get("/<language:language>/signature/sent")
def sent(language: Language) -> ResponseReturnValue:
    """Say that the links are on their way, if there are any."""
    del language
    return render_template("supporter/link_sent.html")


def _read(typed: str) -> str:
    code = read_code(typed)
    if code is None:
        raise UnknownTokenError("this is not a code")
    return code


def _open(typed: str) -> tuple[str, Signature]:
    code = _read(typed)
    days = site().settings.confirmation_days
    return code, open_link(session(), code, now=now(), confirmation_days=days)


def _form(found: Signature, **preset: str) -> DisclosureForm:
    return DisclosureForm(is_endangered=_is_endangered(found), **preset)


def _is_endangered(found: Signature) -> bool:
    return found.residence in site().appeal.endangered_residences


def _act(deed: str, code: str, disclosure: str) -> None:
    settings = site().settings
    frame: dict[str, Any] = {"now": now(), "confirmation_days": settings.confirmation_days}
    if deed == "confirm":
        site().writer.confirm(code)
    elif deed == "disclose":
        site().writer.run(lambda db: disclose(db, code, disclosure, **frame))
    else:
        site().writer.run(lambda db: withdraw(db, code, **frame))


def _refused(language: Language, token: str) -> str:
    """Return the page of what cannot be done, as it stands."""
    code, found = _open(token)
    return _page(language, code, found, _form(found))


def _page(language: Language, code: str, found: Signature, form: DisclosureForm) -> str:
    state = STATES[found.state_code]
    counts = site().snapshots.current()
    share_url = site().settings.base_url + url_for("supporter.letter", language=language, state=state)
    done = request.args.get("done", "")
    return render_template(
        "supporter/signature.html",
        signature=found,
        state=state,
        token=code,
        code=grouped(code),
        form=form,
        done=done if done in DEEDS else "",
        names_withheld=counts.safety.withholds(state.code, found.signed_on),
        is_endangered=_is_endangered(found),
        is_open=is_open(),
        more=_more(language, found),
        # Read anew, so that who has just confirmed sees it; all other pages follow within a second.
        count=count.of_state(session(), state.code),
        as_of=now(),
        share_url=share_url,
        share_text=letter_to(state, language).subject,
        qr=_qr(share_url),
    )


def _more(language: Language, found: Signature) -> dict[str, object]:
    """Return what is held about the signatory beside the row itself, and until when."""
    closes_on = site().settings.closes_on
    return {
        "residence": residence.name(found.residence, language.code),
        "language": LANGUAGES[found.language].name,
        "links": count_links(session(), found),
        "held": with_signature(session(), found.state_code, found.id),
        "erased_on": _erased_on(found),
        "forgotten_on": closes_on + timedelta(days=1) if closes_on else None,
    }


def _erased_on(found: Signature) -> date | None:
    """Return the day on which what is personal goes by itself; ``None`` while no close is set."""
    settings = site().settings
    if found.confirmed_on is None:
        return found.signed_on + timedelta(days=settings.confirmation_days + 1)
    if settings.closes_on is None:
        return None
    return months_later(settings.closes_on, settings.erase_months_after_close)


def _qr(url: str) -> Markup:
    svg = segno.make(url, error="m").svg_inline(
        scale=4, border=2, omitsize=True, svgclass="qr", lineclass=None
    )
    return Markup(svg)  # noqa: S704 -- segno's own markup of an address made by url_for


def _find_page(form: FindSignatureForm, *, is_expired: bool = False) -> str:
    return render_template("supporter/find_signature.html", form=form, is_expired=is_expired)
