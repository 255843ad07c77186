"""Switch codes from a phone on and off."""

from urllib.parse import urlsplit

import segno
from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from markupsafe import Markup

from campaign.errors import TooManyAttemptsError, WrongCodeError, WrongKeyError
from campaign.organiser import second_factor
from campaign.organiser.account import Organiser
from campaign.organiser.login import check_passphrase
from campaign.organiser.second_factor import TypedCode
from campaign.web.base_form import Form
from campaign.web.organise.blueprint import bp
from campaign.web.organise.login_form import SwitchOnForm
from campaign.web.organise.session import unlocked
from campaign.web.organise.throttle import own_attempt, too_many_attempts
from campaign.web.site import commit, now, session, site


@bp.get("/account/codes", endpoint="second_factor")
def show_second_factor() -> ResponseReturnValue:
    """Show the QR code of a new secret; with codes on, the form to switch them off."""
    if second_factor.is_on(session(), unlocked().id):
        return render_template("organise/second_factor.html", form=Form(), is_on=True, retry_after=None)
    return _render_switch_on(SwitchOnForm(formdata=None, secret=second_factor.new_secret()))


@bp.post("/account/codes/on")
def switch_on_codes() -> ResponseReturnValue:
    """Ask for a code at each login from now on, if the first code is correct."""
    form = SwitchOnForm()
    if not second_factor.SECRET.fullmatch(form.secret.data or ""):
        return redirect(url_for(".second_factor"), 303)
    if not form.validate():
        return _render_switch_on(form), 422
    try:
        account, stretched = _check_passphrase(form.passphrase.data)
        code = TypedCode(form.code.data, now())
        second_factor.switch_on(session(), account, stretched, form.secret.data, code)
    except TooManyAttemptsError as error:
        return too_many_attempts(_render_switch_on, form, error)
    except WrongKeyError:
        form.passphrase.errors = [gettext("This is not your passphrase.")]
        return _render_switch_on(form), 422
    except WrongCodeError:
        form.code.errors = [
            gettext("The phone shows another code. Wait for the next one, and see that its clock is right.")
        ]
        return _render_switch_on(form), 422
    commit()
    flash(gettext("From now on, logging in takes a code from your phone."))
    return redirect(url_for(".account"), 303)


@bp.post("/account/codes/off")
def switch_off_codes() -> ResponseReturnValue:
    """Stop asking for codes."""
    second_factor.switch_off(session(), session().get_one(Organiser, unlocked().id), now=now())
    commit()
    flash(gettext("Logging in takes no code any more."))
    return redirect(url_for(".account"), 303)


def _check_passphrase(passphrase: str) -> tuple[Organiser, bytes]:
    """Return the account and the key derived from its passphrase; failures count as failed logins."""
    with own_attempt():
        return check_passphrase(session(), unlocked().id, passphrase)


def _render_switch_on(form: SwitchOnForm, *, retry_after: int | None = None) -> str:
    secret = form.secret.data
    host = urlsplit(site().settings.base_url).hostname or ""
    uri = second_factor.otpauth_uri(secret, name=unlocked().name, site=host)
    return render_template(
        "organise/second_factor.html",
        form=form,
        is_on=False,
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        qr=_qr_code(uri),
        retry_after=retry_after,
    )


def _qr_code(uri: str) -> Markup:
    svg = segno.make(uri, error="m").svg_inline(
        scale=4, border=2, omitsize=True, svgclass="qr is-large", lineclass=None
    )
    return Markup(svg)  # noqa: S704 -- segno quotes everything in it
