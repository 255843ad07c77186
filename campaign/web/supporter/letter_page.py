"""Render a letter's page with its form; the pages of the letter and of signing share it."""

from functools import lru_cache

from flask import render_template, request

from campaign.appeal.content import Appeal
from campaign.letter.sheet import shown_text
from campaign.letter.template import CACHED_LETTERS, compose
from campaign.reference import residence
from campaign.reference.language import ENGLISH, Language
from campaign.reference.participating_state import STATES, ParticipatingState
from campaign.signature.deadline import confirm_until
from campaign.web.site import is_open, letter_to, now, site, still_until
from campaign.web.supporter.also import further_letters
from campaign.web.supporter.form import SignatureForm
from campaign.web.supporter.residence_field import places_for


def signature_form() -> SignatureForm:
    """Return the form of the request, which knows where signing is dangerous."""
    appeal = site().appeal
    return SignatureForm(endangered=appeal.endangered_residences, wary=appeal.wary_residences)


def is_other_text(language: Language, state: ParticipatingState) -> bool:
    """Whether the posted form stood under another text of the letter, which nobody can sign any more.

    Its field says what stood above it; programs need not send one.
    """
    return request.form.get("shown", "") not in {"", _shown(site().appeal, state.code, language.code)}


@lru_cache(maxsize=CACHED_LETTERS)
def _shown(appeal: Appeal, state_code: str, language: str) -> str:
    # Cached, since a browser sends it with each signature.
    return shown_text(compose(appeal, STATES[state_code], language))


def render_letter(
    language: Language,
    state: ParticipatingState,
    form: SignatureForm,
    *,
    retry_after: int = 0,
    mail_is_backed_up: bool = False,
    is_too_late: bool = False,
    is_changed: bool = False,
) -> str:
    """Return the page of the letter to *state*, with what *form* was filled in with.

    Args:
        language: Language of the page.
        state: The participating state whose delegation the letter is for.
        form: The form that signs.
        retry_after: Seconds until the network may sign again; 0 when no rate limit was reached.
        mail_is_backed_up: Whether signing was refused because no mail can leave.
        is_too_late: Whether it was refused because the campaign has closed.
        is_changed: Whether it was refused because the form stood under another text of the letter.
    """
    snapshot = site().snapshots.current()
    figures = snapshot.count
    appeal, settings = site().appeal, site().settings
    return render_template(
        "supporter/letter.html",
        state=state,
        letter=letter_to(state, language),
        shown=_shown(appeal, state.code, language.code),
        edition=snapshot.edition,
        is_unchecked=language != ENGLISH and (language.code, state.code) not in snapshot.checked_letters,
        original=ENGLISH,
        form=form,
        further=further_letters(appeal, state, language) if form.also.is_shown else {},
        places=places_for(language.code, state, form.endangered, form.wary),
        count=figures.by_state.get(state.code, 0),
        as_of=figures.as_of,
        is_open=is_open(),
        closes_on=site().closes_on,
        still_until=still_until(),
        is_too_late=is_too_late,
        is_changed=is_changed,
        names_withheld=state.code in appeal.no_names_to,
        endangered=residence.choices(language.code, appeal.endangered_residences),
        confirm_until=confirm_until(now().date(), settings.confirmation_days),
        retry_after=retry_after,
        mail_is_backed_up=mail_is_backed_up,
    )
