"""The steps after an account was created or recovered."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from campaign.organiser.account import Unlocked
from campaign.organiser.passphrase import generate_passphrase
from campaign.organiser.recovery import make_recovery_code
from campaign.reference.participating_state import STATES
from campaign.sealing.code import grouped
from campaign.web.organise.login_form import NewPassphraseForm
from campaign.web.organise.session import reseal, start_session
from campaign.web.site import commit, now, session, site


def welcome(opened: Unlocked, *, is_first: bool) -> ResponseReturnValue:
    """Log the organiser in, and show the new recovery code once; a reader gets none."""
    if opened.private_key is None:
        start_session(opened)
        commit()
        flash(gettext("Your account is made."))
        return redirect(url_for(".dashboard"), 303)
    code = make_recovery_code(session(), opened, now=now())
    start_session(opened)
    commit()
    reseal(opened)
    return render_template("organise/recovery_code.html", code=grouped(code), is_first=is_first)


def campaign_words() -> list[str]:
    """Return names and words of this campaign, which are refused in passphrases."""
    appeal, runs_it = site().appeal, site().organisation
    accused, words = STATES[appeal.accused_state], [runs_it.name]
    for each in appeal.languages:
        texts = appeal.in_language(each.code)
        words += [texts.title, texts.source.organisation, accused.name(each.code)]
        words += [person.name for person in texts.persons]
    return [*words, *(person.name_ru for person in appeal.persons)]


def passphrase_to_offer(form: NewPassphraseForm) -> str:
    """Return a new passphrase to offer, or ``""`` if the organiser may have written down an earlier one."""
    if form.errors and not (form.passphrase.errors and form.passphrase.data):
        return ""
    return generate_passphrase()
