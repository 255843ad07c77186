"""Create accounts: the first one with the setup link, others with invitations."""

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.errors import AccountNameError, TooManyAttemptsError, WeakPassphraseError, WrongKeyError
from campaign.organiser.account import any_exist
from campaign.organiser.invitation import join
from campaign.organiser.role import OWNER
from campaign.sealing import link_wrapping
from campaign.sealing.code import read_code
from campaign.sealing.link_wrapping import Invited
from campaign.web.organise.blueprint import bp
from campaign.web.organise.login_form import SetupForm
from campaign.web.organise.throttle import code_turn
from campaign.web.organise.welcome import campaign_words, passphrase_to_offer, welcome
from campaign.web.site import now, session


@bp.get("/setup/<token>")
def setup(token: str) -> ResponseReturnValue:
    """Ask the first organiser for name and passphrase, an invited one for a passphrase."""
    invited = _invited(token)
    return _render_setup(_form(invited), token, invited) if invited else _render_used_link()


@bp.post("/setup/<token>")
def set_up(token: str) -> ResponseReturnValue:
    """Create the account, and show its recovery code once."""
    invited = _invited(token)
    if invited is None:
        return _render_used_link()
    form = _form(invited)
    is_first = not any_exist(session())
    if not form.validate():
        return _render_setup(form, token, invited), 422
    code = read_code(token) or ""
    about = [form.name.data, *campaign_words()]
    try:
        with code_turn(code):
            opened = join(session(), code, form.passphrase.data, name=form.name.data, about=about, now=now())
    except TooManyAttemptsError as error:
        form.passphrase.errors = [
            gettext("Another passphrase is being set at this moment. Please send the form again.")
        ]
        return _render_setup(form, token, invited), 429, {"Retry-After": str(error.seconds)}
    except WeakPassphraseError as error:
        form.refuse(error.weakness)
        return _render_setup(form, token, invited), 422
    except AccountNameError:
        session().rollback()
        form.refuse_name(is_invited=bool(invited.name))
        return _render_setup(form, token, invited), 422
    except WrongKeyError:
        return _render_used_link()
    return welcome(opened, is_first=is_first)


def _invited(token: str) -> Invited | None:
    """Return the account that this link makes, the first one without a name; ``None``: it is invalid."""
    code = read_code(token)
    if code is None:
        return None
    try:
        key, _private = link_wrapping.unwrap_link(session(), code, now=now())
    except WrongKeyError:
        return None
    if key.is_provisional:
        return None if any_exist(session()) else Invited("", OWNER)
    return link_wrapping.invited_by(session(), code)


def _form(invited: Invited) -> SetupForm:
    form = SetupForm()
    if invited.name:
        form.name.data = invited.name
        form.name.render_kw = {**form.name.render_kw, "readonly": True}
    return form


def _render_setup(form: SetupForm, token: str, invited: Invited) -> str:
    return render_template(
        "organise/setup.html",
        form=form,
        offered=passphrase_to_offer(form),
        is_first=not any_exist(session()),
        role=invited.role,
        token=token,
    )


def _render_used_link() -> tuple[str, int]:
    return render_template("organise/used_link.html"), 404
