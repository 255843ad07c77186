"""Create accounts: the first one with the setup link, others with invitations."""

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
from campaign.web.organise.welcome import campaign_words, passphrase_to_offer, welcome
from campaign.web.site import now, session, site


@bp.get("/setup/<token>")
def setup(token: str) -> ResponseReturnValue:
    """Ask the first organiser, or an invited one, for name and passphrase."""
    role = _role(token)
    return _render_setup(SetupForm(), token, role) if role else _render_used_link()


@bp.post("/setup/<token>")
def set_up(token: str) -> ResponseReturnValue:
    """Create the account, and show its recovery code once."""
    form, role = SetupForm(), _role(token)
    if role is None:
        return _render_used_link()
    is_first = not any_exist(session())
    if not form.validate():
        return _render_setup(form, token, role), 422
    code = read_code(token) or ""
    about = campaign_words()
    try:
        session().rollback()
        with argon2_lock(site().settings.instance):
            opened = join(session(), code, form.name.data, form.passphrase.data, about=about, now=now())
    except TooManyAttemptsError as error:
        form.passphrase.errors = [
            gettext("Another passphrase is being set at this moment. Please send the form again.")
        ]
        return _render_setup(form, token, role), 429, {"Retry-After": str(error.seconds)}
    except WeakPassphraseError as error:
        form.refuse(error.weakness)
        return _render_setup(form, token, role), 422
    except OrganiserError:
        session().rollback()
        form.name.errors = [gettext("Another organiser has this name. Choose another.")]
        return _render_setup(form, token, role), 422
    except WrongKeyError:
        return _render_used_link()
    return welcome(opened, is_first=is_first)


def _role(token: str) -> str | None:
    """Return the role of the account that this link creates, or ``None`` for an invalid link."""
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


def _render_setup(form: SetupForm, token: str, role: str) -> str:
    return render_template(
        "organise/setup.html",
        form=form,
        offered=passphrase_to_offer(form),
        is_first=not any_exist(session()),
        role=role,
        token=token,
    )


def _render_used_link() -> tuple[str, int]:
    return render_template("organise/used_link.html"), 404
