"""Codes from a phone: switching them on and off."""

from urllib.parse import urlsplit

import segno
from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from markupsafe import Markup

from campaign.errors import TooManyAttemptsError, WrongCodeError, WrongKeyError
from campaign.organiser import second_factor
from campaign.organiser.account import Organiser
from campaign.organiser.argon2_lock import argon2_lock
from campaign.organiser.login import check_passphrase
from campaign.organiser.second_factor import TypedCode
from campaign.web.organise.blueprint import bp
from campaign.web.organise.login_form import CurrentPassphraseForm, SwitchOnForm
from campaign.web.organise.session import unlocked
from campaign.web.organise.throttle import attempt, must_wait
from campaign.web.site import commit, now, session, site


@bp.get("/account/codes", endpoint="second_factor")
def codes() -> ResponseReturnValue:
    """Show a secret for a phone to take, or the way to switch codes off."""
    if _has_codes():
        return _off_page(CurrentPassphraseForm())
    return _on_page(SwitchOnForm(formdata=None, secret=second_factor.new_secret()))


@bp.post("/account/codes/on")
def switch_on_codes() -> ResponseReturnValue:
    """Ask for a code at each login from now on, once the phone has shown a right one."""
    form = SwitchOnForm()
    if not second_factor.SECRET.fullmatch(form.secret.data or ""):
        return redirect(url_for(".second_factor"), 303)
    if not form.validate():
        return _on_page(form), 422
    try:
        account, stretched = _checked(form.passphrase.data)
        code = TypedCode(form.code.data, now())
        second_factor.switch_on(session(), account, stretched, form.secret.data, code)
    except TooManyAttemptsError as error:
        return must_wait(_on_page, form, error)
    except WrongKeyError:
        form.passphrase.errors = [gettext("This is not your passphrase.")]
        return _on_page(form), 422
    except WrongCodeError:
        form.code.errors = [
            gettext("The phone shows another code. Wait for the next one, and see that its clock is right.")
        ]
        return _on_page(form), 422
    commit()
    flash(gettext("From now on, logging in takes a code from your phone."))
    return redirect(url_for(".account"), 303)


@bp.post("/account/codes/off")
def switch_off_codes() -> ResponseReturnValue:
    """Ask for no codes any more."""
    form = CurrentPassphraseForm()
    if not form.validate():
        return _off_page(form), 422
    try:
        account, _stretched = _checked(form.passphrase.data)
        second_factor.switch_off(session(), account, now=now())
    except TooManyAttemptsError as error:
        return must_wait(_off_page, form, error)
    except WrongKeyError:
        form.refuse()
        return _off_page(form), 422
    commit()
    flash(gettext("Logging in takes no code any more."))
    return redirect(url_for(".account"), 303)


def _checked(passphrase: str) -> tuple[Organiser, bytes]:
    """Return the account and the key from its passphrase; a wrong one counts like one at the login."""
    with attempt(unlocked().name), argon2_lock(site().settings.instance):
        return check_passphrase(session(), unlocked().id, passphrase)


def _has_codes() -> bool:
    return session().get_one(Organiser, unlocked().id).second_factor is not None


def _on_page(form: SwitchOnForm, *, retry_after: int | None = None) -> str:
    secret = form.secret.data
    host = urlsplit(site().settings.base_url).hostname or ""
    address = second_factor.otpauth_uri(secret, name=unlocked().name, site=host)
    return render_template(
        "organise/second_factor.html",
        form=form,
        is_on=False,
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        qr=_picture(address),
        retry_after=retry_after,
    )


def _off_page(form: CurrentPassphraseForm, *, retry_after: int | None = None) -> str:
    return render_template("organise/second_factor.html", form=form, is_on=True, retry_after=retry_after)


def _picture(address: str) -> Markup:
    svg = segno.make(address, error="m").svg_inline(
        scale=4, border=2, omitsize=True, svgclass="qr is-large", lineclass=None
    )
    return Markup(svg)  # noqa: S704 -- segno's own markup of an address with everything quoted
