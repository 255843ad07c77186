"""Owners change organisers' roles, and remove them."""

from uuid import UUID

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.errors import NoAccessLeftError, OrganiserError, RoleError
from campaign.organiser import membership, promotion
from campaign.organiser.account import Organiser, account_by_id
from campaign.organiser.campaign_key_change import change_if_due
from campaign.organiser.recovery import recovery_codes
from campaign.organiser.role import opens_names
from campaign.sealing.code import grouped
from campaign.web.organise.account_form import RoleForm
from campaign.web.organise.blueprint import bp
from campaign.web.organise.session import continue_with, unlocked
from campaign.web.site import commit, now, session


@bp.get("/account/organisers/<uuid:organiser_id>")
def member(organiser_id: UUID) -> ResponseReturnValue:
    """Show one organiser, with the forms to change the role or remove the account."""
    found = _member_or_404(organiser_id)
    return _render_member(found, RoleForm(formdata=None, role=found.role))


@bp.post("/account/organisers/<uuid:organiser_id>/role")
def change_role(organiser_id: UUID) -> ResponseReturnValue:
    """Give an organiser another role."""
    found, form = _member_or_404(organiser_id), RoleForm()
    if not form.validate():
        return _render_member(found, form), 422
    session().rollback()
    if not opens_names(found.role) and opens_names(form.role.data):
        return _promote(found, form.role.data)
    try:
        changed = membership.change_role(session(), organiser_id, form.role.data, by=unlocked(), now=now())
    except OrganiserError as error:
        return _answer_error(organiser_id, error)
    _commit(changed)
    flash(gettext("%(name)s has the role that you chose.", name=changed.name))
    return redirect(url_for(".account"), 303)


def _promote(reader: Organiser, role: str) -> ResponseReturnValue:
    """Show the code with which the reader accepts the role, once."""
    try:
        code = promotion.promote(session(), reader.id, role, by=unlocked(), now=now())
    except OrganiserError as error:
        return _answer_error(reader.id, error)
    commit()
    expires_on = (now() + promotion.LASTS).date()
    return render_template(
        "organise/promotion_code.html", name=reader.name, code=grouped(code), role=role, expires_on=expires_on
    )


@bp.post("/account/organisers/<uuid:organiser_id>/remove")
def remove_organiser(organiser_id: UUID) -> ResponseReturnValue:
    """Remove an organiser's account."""
    try:
        removed = membership.remove(session(), organiser_id, by=unlocked(), now=now())
    except OrganiserError as error:
        return _answer_error(organiser_id, error)
    _commit(removed)
    flash(gettext("%(name)s was removed.", name=removed.name))
    return redirect(url_for(".account"), 303)


def _commit(changed: Organiser) -> None:
    """Commit; if *changed* held the campaign's key and no longer may, change it in the same transaction."""
    by = unlocked()
    # Who leaves of their own accord cannot: the next organiser who logs in does.
    continue_with(by if changed.id == by.id else change_if_due(session(), by, now=now()))


def _member_or_404(organiser_id: UUID) -> Organiser:
    found = account_by_id(session(), organiser_id)
    if found is None:
        abort(404)
    return found


def _answer_error(organiser_id: UUID, error: OrganiserError) -> ResponseReturnValue:
    if isinstance(error, RoleError):
        raise error
    if not isinstance(error, NoAccessLeftError):  # another owner has just removed it
        abort(404)
    session().rollback()
    found = _member_or_404(organiser_id)
    return _render_member(found, RoleForm(formdata=None, role=found.role), is_last=True), 422


def _render_member(found: Organiser, form: RoleForm, *, is_last: bool = False) -> str:
    codes = recovery_codes(session())
    return render_template(
        "organise/member.html",
        member=found,
        form=form,
        is_last=is_last,
        has_recovery_code=found.id in codes,
        tested_on=codes.get(found.id),
    )
