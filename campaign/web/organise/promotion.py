"""Accept a promotion with the code that an owner told."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.errors import OrganiserError, RoleError, TooManyAttemptsError, WrongKeyError
from campaign.organiser import promotion
from campaign.sealing.code import read_code
from campaign.web.organise.blueprint import bp
from campaign.web.organise.login_form import PromotionForm
from campaign.web.organise.session import reseal, start_session, unlocked
from campaign.web.organise.throttle import own_attempt, too_many_attempts
from campaign.web.site import commit, now, session


@bp.get("/account/promotion", endpoint="promotion")
def show_promotion() -> ResponseReturnValue:
    """Show the form for code and passphrase."""
    return _render(PromotionForm())


@bp.post("/account/promotion")
def accept_promotion() -> ResponseReturnValue:
    """Take the new role, and the key to the names."""
    form = PromotionForm()
    if not form.validate():
        return _render(form), 422
    code = read_code(form.code.data) or ""
    try:
        with own_attempt():
            opened = promotion.accept(session(), unlocked().id, code, form.passphrase.data, now=now())
    except TooManyAttemptsError as error:
        return too_many_attempts(_render, form, error)
    except RoleError:
        raise
    except WrongKeyError:
        form.refuse()
        return _render(form), 422
    except OrganiserError:
        session().rollback()
        form.code.errors = [gettext("This code is wrong, or its week is over. Ask the owner for a new one.")]
        return _render(form), 422
    start_session(opened)
    commit()
    reseal(opened)
    flash(gettext("You have your new role. The key to the names is yours from now on."))
    return redirect(url_for(".dashboard"), 303)


def _render(form: PromotionForm, *, retry_after: int | None = None) -> str:
    return render_template("organise/promotion.html", form=form, retry_after=retry_after)
