"""Joining: the first organiser by the setup link, others by an invitation."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign import campaign_key, organiser, seal, unlocking
from campaign.errors import OrganiserError, WeakPassphraseError, WrongKeyError
from campaign.language import ENGLISH
from campaign.organiser import ORGANISER, OWNER, Unlocked
from campaign.participating_state import STATES
from campaign.unlocking import TooManyAttemptsError
from campaign.web.organise import bp
from campaign.web.organise.door import enter, reseal
from campaign.web.organise.door_form import NewPassphraseForm, SetupForm
from campaign.web.site import commit, now, session, site


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
    is_first = not organiser.any_exist(session())
    if not form.validate():
        return _page(form, token, role), 422
    code = seal.read_code(token) or ""
    about = known_for()
    try:
        session().rollback()
        with unlocking.one_at_a_time(site().settings.instance):
            opened = organiser.join(
                session(), code, form.name.data, form.passphrase.data, about=about, now=now()
            )
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


def welcome(opened: Unlocked, *, is_first: bool) -> ResponseReturnValue:
    """Let in whoever has just made an account, or opened it again, and show their recovery code once."""
    if opened.key is None:
        enter(opened)
        commit()
        flash(gettext("Your account is made."))
        return redirect(url_for(".dashboard"), 303)
    code = organiser.make_recovery_code(session(), opened, now=now())
    enter(opened)
    commit()
    reseal(opened)
    return render_template("organise/recovery_code.html", code=seal.grouped(code), is_first=is_first)


def known_for() -> list[str]:
    """Return what somebody who knows this campaign would try first as a passphrase."""
    appeal, runs_it = site().appeal, site().counts.organisation()
    people = [name for person in appeal.persons for name in (person.name, person.name_ru)]
    accused = STATES[appeal.accused_state].name(ENGLISH.code)
    return [appeal.title, "Fifty-seven letters", appeal.source.organisation, runs_it.name, accused, *people]


def offered(form: NewPassphraseForm) -> str:
    """Return a passphrase to take, unless one was offered before that may stand on paper by now."""
    if form.errors and not (form.passphrase.errors and form.passphrase.data):
        return ""
    return organiser.offered_passphrase()


def _role(token: str) -> str | None:
    """Return the role that the link of *token* leads to, or ``None`` when it opens nothing."""
    code = seal.read_code(token)
    if code is None:
        return None
    try:
        key, _private = campaign_key.open_link(session(), code, now=now())
    except WrongKeyError:
        return None
    if key.is_provisional:
        return None if organiser.any_exist(session()) else OWNER
    return campaign_key.link_role(session(), code) or ORGANISER


def _page(form: SetupForm, token: str, role: str) -> str:
    return render_template(
        "organise/setup.html",
        form=form,
        offered=offered(form),
        is_first=not organiser.any_exist(session()),
        role=role,
        token=token,
    )


def _used_up() -> tuple[str, int]:
    return render_template("organise/used_link.html"), 404
