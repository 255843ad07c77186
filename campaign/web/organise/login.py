"""The door: who comes in with name, passphrase and code, who may go where, and going out."""

from flask import g, redirect, render_template, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from campaign.errors import TooManyAttemptsError, WrongKeyError
from campaign.organiser import audit_log
from campaign.organiser import session as organiser_session
from campaign.organiser.account import any_exist
from campaign.organiser.argon2_lock import argon2_lock
from campaign.organiser.login import unlock
from campaign.organiser.second_factor import TypedCode
from campaign.web.organise.blueprint import bp
from campaign.web.organise.login_form import LoginForm
from campaign.web.organise.session import reseal, start_session
from campaign.web.organise.throttle import attempt
from campaign.web.site import commit, now, session, site


@bp.get("/login")
def login() -> ResponseReturnValue:
    """Ask for name, passphrase and code."""
    if g.unlocked:
        return redirect(url_for(".dashboard"), 303)
    return _login_page(LoginForm())


@bp.post("/login")
def log_in() -> ResponseReturnValue:
    """Open a session with name and passphrase, and with a code where the account asks for one."""
    form = LoginForm()
    if not form.validate():
        return _login_page(form), 422
    name, passphrase, code = form.name.data, form.passphrase.data, TypedCode(form.code.data, now())
    try:
        with attempt(name), argon2_lock(site().settings.instance):
            opened = unlock(session(), name, passphrase, code)
    except TooManyAttemptsError as error:
        page = _login_page(form, retry_after=error.seconds)
        return page, 429, {"Retry-After": str(error.seconds)}
    except WrongKeyError:
        form.refuse()
        return _login_page(form), 422
    start_session(opened)
    audit_log.record(session(), opened.name, "log in", now=now())
    commit()
    reseal(opened)
    return redirect(url_for(".dashboard"), 303)


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session; its key is gone at once."""
    organiser_session.end(session(), cookie.get("unlock", ""))
    commit()
    cookie.clear()
    response = redirect(url_for(".login"), 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _login_page(form: LoginForm, *, retry_after: int | None = None) -> str:
    is_set_up = any_exist(session())
    return render_template("organise/login.html", form=form, is_set_up=is_set_up, retry_after=retry_after)
