"""Coming in and going out: the setup link, invitations, login, recovery, logout."""

import time
from typing import cast

from flask import g, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import CSRFError

from campaign import audit, campaign_key, organiser, seal, start, unlocking
from campaign.errors import OrganiserError, WrongKeyError
from campaign.organiser import Unlocked
from campaign.unlocking import TooManyAttemptsError
from campaign.web.organise import bp
from campaign.web.organise.forms import LoginForm, NewPassphraseForm, RecoverForm, SetupForm
from campaign.web.site import commit, now, session, site

OPEN = frozenset(
    f"organise.{view}" for view in ("login", "log_in", "setup", "set_up", "recover", "use_recovery_code")
)
"""The door itself: reached without having logged in."""

SHOW_CODE = frozenset({"organise.set_up", "organise.use_recovery_code"})
"""What makes an account, or opens it again, and then shows its recovery code once."""

RESEALING_SECONDS = 20
"""How long a request may spend on resealing; the next login goes on."""


@bp.before_request
def require_organiser() -> ResponseReturnValue | None:
    """Let nobody past the door whose cookie opens no session."""
    g.unlocked = _resumed()
    if g.unlocked is None and request.endpoint not in OPEN:
        return redirect(url_for("organise.login"), 303)
    return None


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
    """Give templates the organiser who is logged in."""
    return {"unlocked": g.get("unlocked")}


def unlocked() -> Unlocked:
    """Return the organiser who is logged in."""
    return cast("Unlocked", g.unlocked)


@bp.get("/login")
def login() -> ResponseReturnValue:
    """Ask for name and passphrase."""
    if g.unlocked:
        return redirect(url_for(".dashboard"), 303)
    return _login_page(LoginForm())


@bp.post("/login")
def log_in() -> ResponseReturnValue:
    """Open a session with name and passphrase."""
    form = LoginForm()
    if not form.validate():
        return _login_page(form), 422
    name, passphrase = form.name.data, form.passphrase.data
    try:
        unlocking.check_attempt(session(), name, keys=site().keys, now=now())
        session().rollback()
        with unlocking.one_at_a_time(site().settings.instance):
            opened = organiser.unlock(session(), name, passphrase)
    except TooManyAttemptsError as error:
        return _too_many(form, error)
    except WrongKeyError:
        unlocking.note_failure(session(), name, keys=site().keys, now=now())
        commit()
        form.refuse()
        return _login_page(form), 422
    _enter(opened)
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


@bp.get("/setup/<token>")
def setup(token: str) -> ResponseReturnValue:
    """Ask the first organiser, or one who was invited, for name and passphrase."""
    if not _link_opens(token):
        return _used_up()
    return _setup_page(SetupForm(), token)


@bp.post("/setup/<token>")
def set_up(token: str) -> ResponseReturnValue:
    """Make the account, and show its recovery code once."""
    form = SetupForm()
    if not _link_opens(token):
        return _used_up()
    is_first = not organiser.any_exist(session())
    if not form.validate():
        return _setup_page(form, token), 422
    code = seal.read_code(token) or ""
    try:
        session().rollback()
        with unlocking.one_at_a_time(site().settings.instance):
            opened = organiser.join(session(), code, form.name.data, form.passphrase.data, now=now())
    except TooManyAttemptsError as error:
        form.passphrase.errors = [_busy()]
        return _setup_page(form, token), 429, {"Retry-After": str(error.seconds)}
    except OrganiserError:
        session().rollback()
        form.name.errors = [gettext("Another organiser has this name. Choose another.")]
        return _setup_page(form, token), 422
    except WrongKeyError:
        return _used_up()
    return _welcome(opened, is_first=is_first)


@bp.get("/recover")
def recover() -> ResponseReturnValue:
    """Ask for the recovery code and a new passphrase."""
    return _recover_page(RecoverForm())


@bp.post("/recover")
def use_recovery_code() -> ResponseReturnValue:
    """Set a new passphrase by means of the recovery code, and show the next code once."""
    form = RecoverForm()
    if not form.validate():
        return _recover_page(form), 422
    code = seal.read_code(form.code.data, seal.RECOVERY_CHARACTERS)
    try:
        with unlocking.one_at_a_time(site().settings.instance):
            opened = organiser.recover(session(), code or "", form.passphrase.data, now=now())
    except TooManyAttemptsError as error:
        form.passphrase.errors = [_busy()]
        return _recover_page(form), 429, {"Retry-After": str(error.seconds)}
    except WrongKeyError:
        session().rollback()
        form.code.errors = [
            gettext("This is not a recovery code of ours, or it was used, or a newer one has replaced it.")
        ]
        return _recover_page(form), 422
    unlocking.end_all(session(), opened.id)
    return _welcome(opened, is_first=False)


def _welcome(opened: Unlocked, *, is_first: bool) -> str:
    code = organiser.make_recovery_code(session(), opened, now=now())
    _enter(opened)
    commit()
    reseal(opened)
    return render_template("organise/recovery_code.html", code=seal.grouped(code), is_first=is_first)


def _enter(opened: Unlocked) -> None:
    cookie.clear()
    cookie["unlock"] = unlocking.begin(session(), opened, keys=site().keys, now=now())
    g.unlocked = opened


def reseal(opened: Unlocked) -> None:
    """Move what is sealed to earlier pairs; every batch is on disk before the next."""
    deadline = time.monotonic() + RESEALING_SECONDS
    while time.monotonic() < deadline:
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


def _link_opens(token: str) -> bool:
    code = seal.read_code(token)
    if code is None:
        return False
    try:
        key, _private = campaign_key.open_link(session(), code, now=now())
    except WrongKeyError:
        return False
    return not (key.is_provisional and organiser.any_exist(session()))


def _login_page(form: LoginForm, *, retry_after: int | None = None) -> str:
    is_set_up = organiser.any_exist(session())
    return render_template("organise/login.html", form=form, is_set_up=is_set_up, retry_after=retry_after)


def _too_many(form: LoginForm, error: TooManyAttemptsError) -> ResponseReturnValue:
    page = _login_page(form, retry_after=error.seconds)
    return page, 429, {"Retry-After": str(error.seconds)}


def _setup_page(form: SetupForm, token: str) -> str:
    return render_template(
        "organise/setup.html",
        form=form,
        offered=_offered(form),
        is_first=not organiser.any_exist(session()),
        token=token,
    )


def _recover_page(form: RecoverForm) -> str:
    return render_template("organise/recover.html", form=form, offered=_offered(form))


def _offered(form: NewPassphraseForm) -> str:
    """Return a passphrase to take, unless one was offered before that may stand on paper by now."""
    if form.errors and not (form.passphrase.errors and form.passphrase.data):
        return ""
    return organiser.offered_passphrase()


def _busy() -> str:
    return str(gettext("Another passphrase is being set at this moment. Please send the form again."))


def _used_up() -> tuple[str, int]:
    return render_template("organise/used_link.html"), 404
