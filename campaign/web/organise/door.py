"""The door: who comes in with name, passphrase and code, who may go where, and going out."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from flask import g, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError

from campaign import audit, organiser, start, unlocking
from campaign.errors import RoleError, WrongKeyError
from campaign.organiser import TypedCode, Unlocked
from campaign.unlocking import TooManyAttemptsError
from campaign.web.organise import bp
from campaign.web.organise.door_form import LoginForm
from campaign.web.organise.permission import LEAST, OPEN, allows
from campaign.web.site import commit, now, session, site

SHOW_CODE = frozenset({"organise.set_up", "organise.use_recovery_code"})
"""What makes an account, or opens it again, and then shows its recovery code once."""

RESEALING_SECONDS = 20
"""How long a request may spend on resealing; the next login goes on."""


@bp.before_request
def require_organiser() -> ResponseReturnValue | None:
    """Let nobody past the door whose cookie opens no session, and nobody where their role does not lead."""
    if site().counts.erased_on() is not None:
        g.unlocked = None
        return render_template("organise/erased.html"), 410
    g.unlocked = _resumed()
    if request.endpoint in OPEN:
        return None
    if g.unlocked is None:
        return redirect(url_for("organise.login"), 303)
    if not allows(g.unlocked.role, request.endpoint):
        return _not_allowed()
    return None


@bp.errorhandler(RoleError)
def refuse_role(_error: RoleError) -> ResponseReturnValue:
    """Say kindly that this is for others, also to those whose role was changed a moment ago."""
    return _not_allowed()


@bp.errorhandler(CSRFError)
def refuse_without_token(_error: CSRFError) -> ResponseReturnValue:
    """Refuse a form without its token; it is old where the page with the recovery code is reloaded."""
    if request.endpoint in SHOW_CODE:
        g.unlocked = _resumed()
        if g.unlocked:
            return render_template("organise/code_shown.html"), 410
    return render_template("error.html", status=400, retry_after=None), 400


@bp.context_processor
def add_organiser() -> dict[str, object]:
    """Give templates the organiser who is logged in, and what that organiser may use."""
    who = cast("Unlocked | None", g.get("unlocked"))
    return {
        "unlocked": who,
        "may": lambda endpoint: who is not None and allows(who.role, endpoint),
    }


def unlocked() -> Unlocked:
    """Return the organiser who is logged in."""
    return cast("Unlocked", g.unlocked)


@contextmanager
def attempt(name: str) -> Iterator[None]:
    """Count it under *name* when what is tried here opens nothing; first make it wait after too many.

    Raises:
        TooManyAttemptsError: With the seconds to wait.
    """
    unlocking.check_attempt(session(), name, keys=site().keys, now=now())
    session().rollback()
    try:
        yield
    except WrongKeyError:
        session().rollback()
        unlocking.note_failure(session(), name, keys=site().keys, now=now())
        commit()
        raise


def must_wait(
    page: Callable[..., str], form: FlaskForm, error: TooManyAttemptsError
) -> tuple[str, int, dict[str, str]]:
    """Return *page* with its form as it was filled in, asking to come back after a while."""
    return page(form, retry_after=error.seconds), 429, {"Retry-After": str(error.seconds)}


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
        with attempt(name), unlocking.one_at_a_time(site().settings.instance):
            opened = organiser.unlock(session(), name, passphrase, code)
    except TooManyAttemptsError as error:
        page = _login_page(form, retry_after=error.seconds)
        return page, 429, {"Retry-After": str(error.seconds)}
    except WrongKeyError:
        form.refuse()
        return _login_page(form), 422
    enter(opened)
    audit.record(session(), opened.name, "log in", now=now())
    commit()
    reseal(opened)
    return redirect(url_for(".dashboard"), 303)


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session; its key is gone at once."""
    unlocking.end(session(), cookie.get("unlock", ""))
    commit()
    cookie.clear()
    response = redirect(url_for(".login"), 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def enter(opened: Unlocked) -> None:
    """Begin a session; the caller commits."""
    cookie.clear()
    cookie["unlock"] = unlocking.begin(session(), opened, keys=site().keys, now=now())
    g.unlocked = opened


def reseal(opened: Unlocked) -> None:
    """Move what is sealed to earlier pairs; every batch is on disk before the next."""
    deadline = time.monotonic() + RESEALING_SECONDS
    while opened.key is not None and time.monotonic() < deadline:
        with site().database.writing() as db:
            if start.reseal_some(db, opened.campaign_key) == 0:
                return


def _resumed() -> Unlocked | None:
    secret = cookie.get("unlock")
    if not secret:
        return None
    with site().database.reading() as db:
        try:
            resumed, is_due = unlocking.resume(db, secret, keys=site().keys, now=now())
        except WrongKeyError:
            cookie.clear()
            return None
    if is_due:
        with site().database.writing() as db:
            unlocking.notice(db, secret, now=now())
    return resumed


def _login_page(form: LoginForm, *, retry_after: int | None = None) -> str:
    is_set_up = organiser.any_exist(session())
    return render_template("organise/login.html", form=form, is_set_up=is_set_up, retry_after=retry_after)


def _not_allowed() -> tuple[str, int]:
    least = LEAST.get(request.endpoint or "")
    return render_template("organise/not_allowed.html", least=least), 403
