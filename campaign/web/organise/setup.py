"""Joining: the first organiser by the setup link, others by an invitation."""

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.errors import OrganiserError, TooManyAttemptsError, WeakPassphraseError, WrongKeyError
from campaign.organiser.account import any_exist
from campaign.organiser.argon2_lock import argon2_lock
from campaign.organiser.invitation import join
from campaign.organiser.role import ORGANISER, OWNER
from campaign.sealing import key_wrapping
from campaign.sealing.code import read_code
from campaign.web.organise.blueprint import bp
from campaign.web.organise.login_form import SetupForm
from campaign.web.organise.welcome import known_for, offered, welcome
from campaign.web.site import now, session, site


@bp.get("/setup/<token>")
def setup(token: str) -> ResponseReturnValue:
    """Ask the first organiser, or one who was invited, for name and passphrase."""
    role = _role(token)
    return _page(SetupForm(), token, role) if role else _used_up()


@bp.post("/setup/<token>")
def set_up(token: str) -> ResponseReturnValue:
    """Make the account, and show its recovery code once."""
    form, role = SetupForm(), _role(token)
    if role is None:
        return _used_up()
    is_first = not any_exist(session())
    if not form.validate():
        return _page(form, token, role), 422
    code = read_code(token) or ""
    about = known_for()
    try:
        session().rollback()
        with argon2_lock(site().settings.instance):
            opened = join(session(), code, form.name.data, form.passphrase.data, about=about, now=now())
    except TooManyAttemptsError as error:
        form.passphrase.errors = [
            gettext("Another passphrase is being set at this moment. Please send the form again.")
        ]
        return _page(form, token, role), 429, {"Retry-After": str(error.seconds)}
    except WeakPassphraseError as error:
        form.refuse(error.weakness)
        return _page(form, token, role), 422
    except OrganiserError:
        session().rollback()
        form.name.errors = [gettext("Another organiser has this name. Choose another.")]
        return _page(form, token, role), 422
    except WrongKeyError:
        return _used_up()
    return welcome(opened, is_first=is_first)


def _role(token: str) -> str | None:
    """Return the role that the link of *token* leads to, or ``None`` when it opens nothing."""
    code = read_code(token)
    if code is None:
        return None
    try:
        key, _private = key_wrapping.unwrap_link(session(), code, now=now())
    except WrongKeyError:
        return None
    if key.is_provisional:
        return None if any_exist(session()) else OWNER
    return key_wrapping.link_role(session(), code) or ORGANISER


def _page(form: SetupForm, token: str, role: str) -> str:
    return render_template(
        "organise/setup.html",
        form=form,
        offered=offered(form),
        is_first=not any_exist(session()),
        role=role,
        token=token,
    )


def _used_up() -> tuple[str, int]:
    return render_template("organise/used_link.html"), 404
