"""The account page: the organisation, the own account, and all organisers."""

from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.errors import AccountNameError, WrongKeyError
from campaign.organiser import account as organiser
from campaign.organiser import audit_log, invitation, promotion
from campaign.organiser import session as organiser_session
from campaign.organiser.campaign_key_change import change_campaign_key
from campaign.organiser.invitation import INVITATION_LASTS, invite
from campaign.organiser.organisation import Organisation, organisation, save_organisation
from campaign.organiser.recovery import is_test_due, recovery_codes
from campaign.organiser.role import OWNER
from campaign.reference.alphabet import sort_key
from campaign.sealing.code import read_code
from campaign.signature import key_change
from campaign.signature.key_change import count_sealed_to_setup_link
from campaign.web.organise.account_form import AdoptForm, InvitationForm, OrganisationForm
from campaign.web.organise.blueprint import bp
from campaign.web.organise.session import continue_with, reseal, unlocked
from campaign.web.serving.language import current_language
from campaign.web.site import commit, now, session, site


@bp.get("/account")
def account() -> ResponseReturnValue:
    """Show organisation, account and organisers."""
    return _render_account(OrganisationForm(obj=organisation(session())))


@bp.post("/account/organisation", endpoint="save_organisation")
def enter_organisation() -> ResponseReturnValue:
    """Save the organisation that sends the letters."""
    form = OrganisationForm()
    if not form.validate():
        return _render_account(form), 422
    entered = Organisation(form.name.data.strip(), form.seat.data.strip(), form.contact.data.strip())
    save_organisation(session(), entered)
    audit_log.record(session(), unlocked().name, "enter organisation", now=now())
    commit()
    flash(gettext("Organisation saved."))
    return redirect(url_for(".account"), 303)


@bp.post("/account/adopt")
def adopt() -> ResponseReturnValue:
    """Reseal the signatures of an earlier start, with its setup link."""
    form = AdoptForm()
    entered = OrganisationForm(formdata=None, obj=organisation(session()))
    if not form.validate():
        return _render_account(entered, form), 422
    code = read_code(form.link.data)
    try:
        key_change.adopt_earlier_pair(session(), code or "", unlocked(), now=now())
    except WrongKeyError:
        form.link.errors = [gettext("This link opens nothing here. Look for the one printed at that start.")]
        return _render_account(entered, form), 422
    commit()
    reseal(unlocked())
    flash(gettext("The earlier signatures were taken over."))
    return redirect(url_for(".account"), 303)


@bp.post("/account/invitations")
def add_organiser() -> ResponseReturnValue:
    """Show the link of a new invitation, once."""
    form = InvitationForm()
    if not form.validate():
        return _render_invitation_form(form), 422
    try:
        code = invite(session(), unlocked(), form.name.data, form.role.data, now=now())
    except AccountNameError:
        session().rollback()
        form.refuse_name()
        return _render_invitation_form(form), 422
    commit()
    return render_template(
        "organise/invitation.html",
        name=form.name.data,
        link=site().settings.base_url + url_for(".setup", token=code),
        expires_on=(now() + INVITATION_LASTS).date(),
        role=form.role.data,
    )


@bp.post("/account/invitations/<uuid:invitation_id>/revoke")
def revoke_invitation(invitation_id: UUID) -> ResponseReturnValue:
    """Make an invitation useless."""
    if invitation.revoke(session(), unlocked(), invitation_id, now=now()):
        commit()
        flash(gettext("The invitation opens nothing any more."))
    else:
        flash(gettext("The invitation was used or revoked before."), "fault")
    return redirect(url_for(".account"), 303)


def _render_invitation_form(form: InvitationForm) -> str:
    return _render_account(OrganisationForm(formdata=None, obj=organisation(session())), invitation_form=form)


@bp.post("/account/key")
def change_key() -> ResponseReturnValue:
    """Change the campaign's key; all others who open names log in again."""
    continue_with(change_campaign_key(session(), unlocked(), now=now()))
    flash(gettext("The campaign’s key was changed. The names are being sealed with the new one."))
    return redirect(url_for(".account"), 303)


def _render_account(
    form: OrganisationForm,
    adopt_form: AdoptForm | None = None,
    *,
    invitation_form: InvitationForm | None = None,
) -> str:
    everyone = sorted(
        organiser.all_accounts(session()), key=lambda each: sort_key(each.name, current_language().code)
    )
    return render_template(
        "organise/account.html",
        organisation_form=form,
        adopt_form=adopt_form or AdoptForm(formdata=None),
        invitation_form=invitation_form or InvitationForm(formdata=None),
        sealed_to_setup_link=count_sealed_to_setup_link(session()),
        organisers=everyone,
        invitations=invitation.pending(session(), now=now()) if unlocked().role == OWNER else [],
        sessions=organiser_session.open_sessions(session(), unlocked().id, cookie["unlock"], now=now()),
        me=next(each for each in everyone if each.id == unlocked().id),
        is_promoted=promotion.pending(session(), unlocked().id, now=now()) is not None,
        recovery_codes=recovery_codes(session()),
        is_due=lambda tested_on: is_test_due(tested_on, today=now().date()),
    )
