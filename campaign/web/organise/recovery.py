"""Recovery codes: make one, test it, and recover an account with it."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.errors import TooManyAttemptsError, WeakPassphraseError, WrongKeyError
from campaign.organiser import recovery
from campaign.organiser import session as organiser_session
from campaign.organiser.recovery import recovery_codes
from campaign.sealing.code import RECOVERY_CHARACTERS, grouped, read_code
from campaign.web.organise.blueprint import bp
from campaign.web.organise.login_form import RecoverForm, RecoveryCodeForm
from campaign.web.organise.session import unlocked
from campaign.web.organise.throttle import code_turn, too_many_attempts
from campaign.web.organise.welcome import campaign_words, passphrase_to_offer, welcome
from campaign.web.site import commit, now, session


@bp.get("/recover")
def recover() -> ResponseReturnValue:
    """Ask for the recovery code and a new passphrase."""
    return _render_recover(RecoverForm())


@bp.post("/recover")
def use_recovery_code() -> ResponseReturnValue:
    """Set a new passphrase with the recovery code, and show the next code once."""
    form = RecoverForm()
    if not form.validate():
        return _render_recover(form), 422
    code, words = _normalised_code(form), campaign_words()
    try:
        recovery.check_code(session(), code)
        with code_turn(code):
            opened = recovery.recover(session(), code, form.passphrase.data, about=words, now=now())
    except TooManyAttemptsError as error:
        return too_many_attempts(_render_recover, form, error)
    except WeakPassphraseError as error:
        form.refuse(error.weakness)
        return _render_recover(form), 422
    except WrongKeyError:
        form.code.errors = [
            gettext("This is not a recovery code of ours, or it was used, or a newer one has replaced it.")
        ]
        return _render_recover(form), 422
    organiser_session.end_all(session(), opened.id)
    return welcome(opened, is_first=False)


@bp.post("/account/recovery-code")
def make_recovery_code() -> ResponseReturnValue:
    """Show a new recovery code once; it replaces the earlier one."""
    code = recovery.make_recovery_code(session(), unlocked(), now=now())
    commit()
    return render_template("organise/recovery_code.html", code=grouped(code), is_first=False)


@bp.get("/account/recovery-code/drill")
def recovery_drill() -> ResponseReturnValue:
    """Show the steps for a lost passphrase, with a form to test the code."""
    return _render_drill(RecoveryCodeForm())


@bp.post("/account/recovery-code/drill")
def try_recovery_code() -> ResponseReturnValue:
    """Test whether a recovery code opens the current key; the code stays valid."""
    form = RecoveryCodeForm()
    if not form.validate():
        return _render_drill(form), 422
    try:
        recovery.try_recovery_code(session(), unlocked(), _normalised_code(form), now=now())
    except WrongKeyError:
        form.code.errors = [
            gettext("This is not your recovery code, or a newer one has replaced it. Read it once more.")
        ]
        return _render_drill(form), 422
    commit()
    flash(gettext("Your recovery code is good: it opens the names. It was not used up; put it back."))
    return redirect(url_for(".account"), 303)


def _normalised_code(form: RecoveryCodeForm) -> str:
    return read_code(form.code.data, RECOVERY_CHARACTERS) or ""


def _render_recover(form: RecoverForm, *, retry_after: int | None = None) -> str:
    return render_template(
        "organise/recover.html", form=form, offered=passphrase_to_offer(form), retry_after=retry_after
    )


def _render_drill(form: RecoveryCodeForm) -> str:
    mine = recovery_codes(session())
    return render_template(
        "organise/recovery_drill.html",
        form=form,
        has_code=unlocked().id in mine,
        tested_on=mine.get(unlocked().id),
    )
