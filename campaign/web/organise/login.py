"""Log in with name, passphrase and code, and log out."""

import logging

from flask import flash, g, redirect, render_template, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.errors import (
    AlteredError,
    ForgedKeyError,
    ProofError,
    TooManyAttemptsError,
    WrongKeyError,
)
from campaign.organiser import audit_log, news
from campaign.organiser import session as organiser_session
from campaign.organiser.account import any_exist
from campaign.organiser.campaign_key_change import change_if_due
from campaign.organiser.login import unlock
from campaign.organiser.second_factor import TypedCode
from campaign.web.organise import carried_form
from campaign.web.organise.blueprint import bp
from campaign.web.organise.login_form import LoginForm
from campaign.web.organise.session import WHO, remember_last_login, reseal, start_session
from campaign.web.organise.throttle import (
    login_attempt,
    proof_page,
    remember_browser,
    too_many_attempts,
    wait_page,
)
from campaign.web.site import commit, now, session

logger = logging.getLogger(__name__)


@bp.get("/login")
def login() -> ResponseReturnValue:
    """Show the login form."""
    if g.unlocked:
        return redirect(url_for(".dashboard"), 303)
    return _render_login(LoginForm())


@bp.post("/login")
def log_in() -> ResponseReturnValue:
    """Start a session."""
    form = LoginForm()
    if not form.validate():
        return _render_login(form), 422
    name, passphrase, code = form.name.data, form.passphrase.data, TypedCode(form.code.data, now())
    try:
        with login_attempt(name) as place:
            opened = unlock(session(), name, passphrase, code, place=place)
            opened = change_if_due(session(), opened, now=now())
    except ProofError:
        return proof_page(name)
    except TooManyAttemptsError as error:
        return wait_page(error) if error.ticket else too_many_attempts(_render_login, form, error)
    except (AlteredError, ForgedKeyError) as error:
        logger.error("a login was refused: %s", error)  # noqa: TRY400 -- the sentence says it all
        form.refuse_altered()
        return _render_login(form), 422
    except WrongKeyError:
        form.refuse()
        return _render_login(form), 422
    is_same_organiser = cookie.get(WHO) == str(opened.id)
    previous = news.last_login(session(), opened.name)
    start_session(opened)
    remember_browser(opened.name)
    remember_last_login(previous)
    audit_log.record(session(), opened.name, "log in", now=now())
    commit()
    reseal(opened)
    waiting = carried_form.carried()
    if waiting and not is_same_organiser:
        flash(gettext("What another organiser had entered here was not sent."), "fault")
        waiting = None
    return carried_form.proceed(waiting)


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """Delete the session with its key."""
    organiser_session.end(session(), cookie.get("unlock", ""))
    commit()
    cookie.clear()
    response = redirect(url_for(".login"), 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _render_login(form: LoginForm, *, retry_after: int | None = None) -> str:
    is_set_up = any_exist(session())
    return render_template("organise/login.html", form=form, is_set_up=is_set_up, retry_after=retry_after)
