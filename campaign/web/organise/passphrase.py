"""Pages to change the passphrase, and to end other sessions."""

from flask import flash, redirect, render_template, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.errors import TooManyAttemptsError, WeakPassphraseError, WrongKeyError
from campaign.organiser import audit_log, second_factor
from campaign.organiser import session as organiser_session
from campaign.organiser.passphrase_change import change_passphrase as change
from campaign.organiser.second_factor import TypedCode
from campaign.web.organise.blueprint import bp
from campaign.web.organise.login_form import ChangePassphraseForm
from campaign.web.organise.session import unlocked
from campaign.web.organise.throttle import own_attempt, too_many_attempts
from campaign.web.organise.welcome import campaign_words, passphrase_to_offer
from campaign.web.site import commit, now, session


@bp.get("/account/passphrase", endpoint="passphrase")
def show_passphrase_form() -> ResponseReturnValue:
    """Ask for the present passphrase and a new one."""
    return _render_form(ChangePassphraseForm())


@bp.post("/account/passphrase")
def change_passphrase() -> ResponseReturnValue:
    """Change the passphrase, and end the other sessions."""
    form = ChangePassphraseForm()
    if not form.validate():
        return _render_form(form), 422
    words, code = campaign_words(), TypedCode(form.code.data or "", now())
    try:
        with own_attempt():
            change(
                session(),
                unlocked(),
                present=form.present_passphrase.data,
                code=code,
                new=form.passphrase.data,
                cookie=cookie["unlock"],
                about=words,
            )
    except TooManyAttemptsError as error:
        return too_many_attempts(_render_form, form, error)
    except WeakPassphraseError as error:
        form.refuse(error.weakness)
        return _render_form(form), 422
    except WrongKeyError:
        form.refuse_present()
        return _render_form(form), 422
    organiser_session.record_answer(session(), cookie["unlock"], now=now())
    commit()
    flash(gettext("Your passphrase is changed, and your other sessions are over."))
    return redirect(url_for(".account"), 303)


@bp.post("/account/sessions/end")
def end_other_sessions() -> ResponseReturnValue:
    """End all sessions of this organiser but the present one."""
    ended = organiser_session.end_others(session(), unlocked().id, cookie["unlock"])
    audit_log.record(session(), unlocked().name, "end other sessions", str(ended), now=now())
    commit()
    flash(gettext("Your other sessions are over."))
    return redirect(url_for(".account"), 303)


def _render_form(form: ChangePassphraseForm, *, retry_after: int | None = None) -> str:
    return render_template(
        "organise/passphrase.html",
        form=form,
        has_codes=second_factor.is_on(session(), unlocked().id),
        offered=passphrase_to_offer(form),
        retry_after=retry_after,
    )
