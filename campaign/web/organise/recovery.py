"""Recovery codes: making one, trying it while nothing is lost, and using it."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.errors import TooManyAttemptsError, WeakPassphraseError, WrongKeyError
from campaign.organiser import recovery
from campaign.organiser import session as organiser_session
from campaign.organiser.argon2_lock import argon2_lock
from campaign.organiser.login_attempt import RECOVERY_NAME
from campaign.organiser.recovery import recovery_codes
from campaign.sealing.code import RECOVERY_CHARACTERS, grouped, read_code
from campaign.web.organise.blueprint import bp
from campaign.web.organise.login_form import RecoverForm, RecoveryCodeForm
from campaign.web.organise.session import unlocked
from campaign.web.organise.throttle import attempt, must_wait
from campaign.web.organise.welcome import known_for, offered, welcome
from campaign.web.site import commit, now, session, site


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
    code = _read(form)
    try:
        with attempt(RECOVERY_NAME), argon2_lock(site().settings.instance):
            opened = recovery.recover(session(), code, form.passphrase.data, about=known_for(), now=now())
    except TooManyAttemptsError as error:
        return must_wait(_recover_page, form, error)
    except WeakPassphraseError as error:
        form.refuse(error.weakness)
        return _recover_page(form), 422
    except WrongKeyError:
        form.code.errors = [
            gettext("This is not a recovery code of ours, or it was used, or a newer one has replaced it.")
        ]
        return _recover_page(form), 422
    organiser_session.end_all(session(), opened.id)
    return welcome(opened, is_first=False)


@bp.post("/account/recovery-code")
def make_recovery_code() -> ResponseReturnValue:
    """Show a new recovery code once; an earlier one is void."""
    code = recovery.make_recovery_code(session(), unlocked(), now=now())
    commit()
    return render_template("organise/recovery_code.html", code=grouped(code), is_first=False)


@bp.get("/account/recovery-code/drill")
def recovery_drill() -> ResponseReturnValue:
    """Walk through what would be done if the passphrase were lost, as far as trying the code."""
    return _drill_page(RecoveryCodeForm())


@bp.post("/account/recovery-code/drill")
def try_recovery_code() -> ResponseReturnValue:
    """Say whether a recovery code opens the present key, without using it up."""
    form = RecoveryCodeForm()
    if not form.validate():
        return _drill_page(form), 422
    try:
        with attempt(unlocked().name):
            recovery.try_recovery_code(session(), unlocked(), _read(form), now=now())
    except TooManyAttemptsError as error:
        return must_wait(_drill_page, form, error)
    except WrongKeyError:
        form.code.errors = [
            gettext("This is not your recovery code, or a newer one has replaced it. Read it once more.")
        ]
        return _drill_page(form), 422
    commit()
    flash(gettext("Your recovery code is good: it opens the names. It was not used up; put it back."))
    return redirect(url_for(".account"), 303)


def _read(form: RecoveryCodeForm) -> str:
    return read_code(form.code.data, RECOVERY_CHARACTERS) or ""


def _recover_page(form: RecoverForm, *, retry_after: int | None = None) -> str:
    return render_template("organise/recover.html", form=form, offered=offered(form), retry_after=retry_after)


def _drill_page(form: RecoveryCodeForm, *, retry_after: int | None = None) -> str:
    mine = recovery_codes(session())
    return render_template(
        "organise/recovery_drill.html",
        form=form,
        has_code=unlocked().id in mine,
        tested_on=mine.get(unlocked().id),
        retry_after=retry_after,
    )
