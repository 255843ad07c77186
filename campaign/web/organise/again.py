"""Ask for the passphrase, and the code, again before what can cost everything."""

from flask import render_template
from flask import session as cookie
from flask.typing import ResponseReturnValue

from campaign.errors import TooManyAttemptsError, WrongKeyError
from campaign.organiser import second_factor
from campaign.organiser import session as organiser_session
from campaign.organiser.login import authenticate_again as check_answer
from campaign.organiser.second_factor import TypedCode
from campaign.web.organise import carried_form
from campaign.web.organise.blueprint import bp
from campaign.web.organise.login_form import AgainForm
from campaign.web.organise.session import unlocked
from campaign.web.organise.throttle import own_attempt, too_many_attempts
from campaign.web.site import commit, now, session


@bp.get("/again")
def again() -> ResponseReturnValue:
    """Ask for the passphrase before a file is downloaded."""
    return _render_again(AgainForm())


@bp.post("/again")
def authenticate_again() -> ResponseReturnValue:
    """Accept the answer for the next minutes, and do what waited for it."""
    form = AgainForm()
    if not form.validate():
        return _render_again(form), 422
    code = TypedCode(form.code.data or "", now())
    try:
        with own_attempt():
            check_answer(session(), unlocked().id, form.passphrase.data, code)
    except TooManyAttemptsError as error:
        return too_many_attempts(_render_again, form, error)
    except WrongKeyError:
        form.refuse(has_codes=second_factor.is_on(session(), unlocked().id))
        return _render_again(form), 422
    organiser_session.record_answer(session(), cookie["unlock"], now=now())
    commit()
    return carried_form.proceed(carried_form.carried())


def _render_again(form: AgainForm, *, retry_after: int | None = None) -> str:
    return render_template(
        "organise/again.html",
        form=form,
        has_codes=second_factor.is_on(session(), unlocked().id),
        retry_after=retry_after,
    )
