"""Who runs the campaign, one's own recovery code, and the other organisers."""

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign import audit, organiser, seal, start
from campaign.errors import OrganiserError, WrongKeyError
from campaign.organisation import Organisation, organisation, save_organisation
from campaign.web.organise import bp
from campaign.web.organise.door import reseal, unlocked
from campaign.web.organise.forms import AdoptForm, OrganisationForm
from campaign.web.site import commit, now, session, site


@bp.get("/account")
def account() -> ResponseReturnValue:
    """Show organisation, account and organisers."""
    return _page(OrganisationForm(obj=organisation(session())))


@bp.post("/account/organisation", endpoint="save_organisation")
def keep_organisation() -> ResponseReturnValue:
    """Keep who sends the letters."""
    form = OrganisationForm()
    if not form.validate():
        return _page(form), 422
    entered = Organisation(form.name.data.strip(), form.seat.data.strip(), form.contact.data.strip())
    save_organisation(session(), entered)
    audit.record(session(), unlocked().name, "enter organisation", now=now())
    commit()
    flash(gettext("Organisation saved."))
    return redirect(url_for(".account"), 303)


@bp.post("/account/recovery-code")
def make_recovery_code() -> ResponseReturnValue:
    """Show a new recovery code once; an earlier one is void."""
    code = organiser.make_recovery_code(session(), unlocked(), now=now())
    commit()
    return render_template("organise/recovery_code.html", code=seal.grouped(code), is_first=False)


@bp.post("/account/invitations")
def add_organiser() -> ResponseReturnValue:
    """Show once the link under which a new organiser joins."""
    try:
        code = organiser.invite(session(), unlocked(), now=now())
    except OrganiserError:
        abort(403)
    commit()
    link = site().settings.base_url + url_for(".setup", token=code)
    expires_on = (now() + organiser.INVITATION_LASTS).date()
    return render_template("organise/invitation.html", link=link, expires_on=expires_on)


@bp.post("/account/adopt")
def adopt() -> ResponseReturnValue:
    """Take over what was signed under the setup link of an earlier start."""
    form = AdoptForm()
    entered = OrganisationForm(formdata=None, obj=organisation(session()))
    if not form.validate():
        return _page(entered, form), 422
    code = seal.read_code(form.code.data.rstrip("/").rpartition("/")[2])
    try:
        start.adopt(session(), code or "", unlocked(), now=now())
    except WrongKeyError:
        form.code.errors = [gettext("This link opens nothing here. Look for the one printed at that start.")]
        return _page(entered, form), 422
    commit()
    reseal(unlocked())
    flash(gettext("The earlier signatures were taken over."))
    return redirect(url_for(".account"), 303)


def _page(form: OrganisationForm, adopt_form: AdoptForm | None = None) -> str:
    return render_template(
        "organise/account.html",
        organisation_form=form,
        adopt_form=adopt_form or AdoptForm(formdata=None),
        left_behind=start.left_behind(session()),
        organisers=organiser.everyone(session()),
    )
