"""The safety lists: delegations that get no names, and residences where signing is dangerous."""

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.delivery.model import latest_with_names
from campaign.disclosure import safety_list
from campaign.disclosure.affected_names import count_published_names, count_sealed_names
from campaign.disclosure.delivered_name import count_deliverable_names
from campaign.disclosure.safety_list import RELEASE_DELAY, Change, SafetyLists
from campaign.errors import CampaignError
from campaign.reference import residence
from campaign.reference.participating_state import STATES, states_in_order
from campaign.web.organise.blueprint import bp
from campaign.web.organise.safety_form import SafetyChangeForm, SafetyForm
from campaign.web.organise.session import unlocked
from campaign.web.serving.language import current_language
from campaign.web.site import commit, now, session, site


@bp.get("/safety")
def safety() -> ResponseReturnValue:
    """Show both lists."""
    current = _lists()
    form = SafetyForm(
        no_names_to=sorted(current.no_names_to), endangered=sorted(current.endangered_residences), more=""
    )
    return _render_lists(form, current)


@bp.post("/safety")
def look_at_safety() -> ResponseReturnValue:
    """Show the consequences of a change, to be confirmed."""
    form, current = SafetyForm(), _lists()
    if not form.validate():
        return _render_lists(form, current), 422
    change = form.change(current, site().appeal.accused_state)
    if not change and not current.is_altered:
        flash(gettext("Nothing was changed."))
        return redirect(url_for(".safety"), 303)
    return _render_change(SafetyChangeForm.of(change), change)


@bp.post("/safety/change")
def change_safety() -> ResponseReturnValue:
    """Change the lists as the page of consequences showed."""
    form = SafetyChangeForm()
    change = form.change()
    if not change and not _lists().is_altered:
        return redirect(url_for(".safety"), 303)
    if not form.validate():
        return _render_change(form, change), 422
    try:
        safety_list.change(session(), site().appeal, change, by=unlocked().name, now=now())
    except CampaignError:
        abort(400)
    commit()
    flash(
        gettext("The lists are changed. Pages show it within a second, and every later delivery keeps to it.")
    )
    return redirect(url_for(".safety"), 303)


def _lists() -> SafetyLists:
    return safety_list.current_lists(session(), site().appeal)


def _render_lists(form: SafetyForm, current: SafetyLists) -> str:
    accused = STATES[site().appeal.accused_state]
    return render_template(
        "organise/safety.html",
        form=form,
        accused=accused,
        is_altered=current.is_altered,
        places=residence.choices(current_language().code, current.endangered_residences),
        kept_back=[
            (STATES[code], day) for code, day in current.names_from.items() if code not in current.no_names_to
        ],
    )


def _render_change(form: SafetyChangeForm, change: Change) -> str:
    if not change.withhold | change.release <= STATES.keys():
        abort(400)

    def in_order(codes: frozenset[str]) -> list[str]:
        return [state.code for state in states_in_order(current_language()) if state.code in codes]

    return render_template(
        "organise/safety_change.html",
        form=form,
        change=change,
        withhold=[
            (STATES[code], count_deliverable_names(session(), code), latest_with_names(session(), code))
            for code in in_order(change.withhold)
        ],
        release=[(STATES[code], count_sealed_names(session(), code)) for code in in_order(change.release)],
        protect=[
            (name, count_published_names(session(), code))
            for code, name in residence.choices(current_language().code, change.protect)
        ],
        unprotect=[name for _code, name in residence.choices(current_language().code, change.unprotect)],
        names_from=now().date() + RELEASE_DELAY,
    )
