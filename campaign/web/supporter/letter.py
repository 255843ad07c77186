"""The supporter's story: pick a state, read the letter, sign, look into the mail."""

import io
from functools import cache

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from campaign.errors import LimitError, ProofError
from campaign.reference import residence
from campaign.reference.language import ENGLISH, Language
from campaign.reference.participating_state import STATES, ParticipatingState, sort_key, states_in_order
from campaign.signature.sign import Signing
from campaign.signature_list import pdf_letter
from campaign.web.serving import headers
from campaign.web.serving.language import preferred_language
from campaign.web.site import is_open, letter_to, site
from campaign.web.supporter import admission as guard
from campaign.web.supporter.form import SignatureForm

bp = Blueprint("supporter", __name__)
bp.before_request(headers.forbid_foreign_posts)


@bp.get("/")
def root() -> ResponseReturnValue:
    """Send the visitor to the campaign in the language that their browser asks for."""
    response = redirect(url_for(".home", language=preferred_language()), 302)
    response.vary.add("Accept-Language")
    return response


@bp.get("/<language:language>/")
def home(language: Language) -> ResponseReturnValue:
    """Show the call, the five persons, the picker and the count."""
    return home_page(language)


def home_page(language: Language, *, missing_state: bool = False) -> str:
    """Return the home page; *missing_state* says that the picker was sent empty."""
    counts = site().snapshots.current()
    return render_template(
        "supporter/home.html",
        states=states_in_order(language),
        counts=counts.by_state,
        total=counts.total,
        as_of=counts.as_of,
        is_open=is_open(),
        closes_on=site().settings.closes_on,
        missing_state=missing_state,
    )


@bp.get("/<language:language>/letters")
def choose_letter(language: Language) -> ResponseReturnValue:
    """Send the picker's choice to its letter."""
    chosen = request.args.get("state", "").strip()
    if not chosen:
        return home_page(language, missing_state=True), 422
    state = STATES.get(chosen.lower()) or _named(chosen, language)
    if state is None:
        abort(404)
    return redirect(url_for(".letter", language=language, state=state), 303)


@bp.get("/<language:language>/letters/<state:state>")
def letter(language: Language, state: ParticipatingState) -> ResponseReturnValue:
    """Show the letter to *state*'s delegation, with its form."""
    return letter_page(language, state, signature_form())


@bp.post("/<language:language>/letters/<state:state>")
def sign(language: Language, state: ParticipatingState) -> ResponseReturnValue:
    """Record a signature; the answer is the same for a first and a repeated one."""
    form = signature_form()
    if not is_open():
        return letter_page(language, state, form), 410
    if form.asks_for_advice:
        return letter_page(language, state, form)
    if not form.validate():
        return letter_page(language, state, form), 422
    try:
        _keep(state, form, language, guard.admit(state, form))
    except LimitError as error:
        page = letter_page(language, state, form, retry_after=error.seconds)
        return page, 429, {"Retry-After": str(error.seconds)}
    except ProofError:
        return guard.proof_page(language, state, form), 422
    return Response(status=303, headers={"Location": _after_signing(language)})


@cache
def _after_signing(language: Language) -> str:
    # Made once: to put an address together takes a twentieth of a signature.
    return url_for(".check_your_mail", language=language)


def signature_form() -> SignatureForm:
    """Return the form as it was filled in; it knows where signing is dangerous."""
    appeal = site().appeal
    wary = frozenset(code.upper() for code in appeal.no_names_to) - appeal.endangered_residences
    return SignatureForm(endangered=appeal.endangered_residences, wary=wary)


def letter_page(
    language: Language, state: ParticipatingState, form: SignatureForm, *, retry_after: int = 0
) -> str:
    """Return the letter's page with *form* as far as it was filled in; *retry_after* asks to wait."""
    counts = site().snapshots.current()
    appeal, settings = site().appeal, site().settings
    return render_template(
        "supporter/letter.html",
        state=state,
        letter=letter_to(state, language),
        edition=site().edition,
        form=form,
        count=counts.by_state.get(state.code, 0),
        as_of=counts.as_of,
        is_open=is_open(),
        closes_on=settings.closes_on,
        names_withheld=state.code in appeal.no_names_to,
        endangered=endangered_residences(language),
        confirmation_days=settings.confirmation_days,
        retry_after=retry_after,
    )


@bp.get("/<language:language>/letters/<state:state>.txt")
def letter_text(language: Language, state: ParticipatingState) -> ResponseReturnValue:
    """Send the letter as text: the very bytes whose SHA-256 a delivery keeps."""
    return Response(letter_to(state, language).text(), mimetype="text/plain")


@bp.get("/<language:language>/letters/<state:state>.pdf")
def letter_pdf(language: Language, state: ParticipatingState) -> ResponseReturnValue:
    """Send the letter as a PDF."""
    file = io.BytesIO()
    pdf_letter.write_letter(file, letter_to(state, language))
    response = Response(file.getvalue(), mimetype="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename=f"letter-{state.code}-{language.code}.pdf")
    return response


@bp.get("/<language:language>/check-your-mail")
def check_your_mail(language: Language) -> ResponseReturnValue:
    """Say what to do next, whoever signed and however often."""
    del language
    return render_template(
        "supporter/check_your_mail.html", confirmation_days=site().settings.confirmation_days
    )


@bp.get("/<language:language>/persons/<person_id>")
def person(language: Language, person_id: str) -> ResponseReturnValue:
    """Show one of the five: the office as of March 2021, and what changed since."""
    del language
    persons = list(site().appeal.persons)
    for at, each in enumerate(persons):
        if each.id == person_id:
            return render_template(
                "supporter/person.html",
                person=each,
                position=at + 1,
                previous=persons[at - 1] if at else None,
                following=persons[at + 1] if at + 1 < len(persons) else None,
            )
    raise NotFound


@bp.get("/<language:language>/privacy")
def privacy(language: Language) -> ResponseReturnValue:
    """Tell data subjects who keeps what, why and for how long."""
    appeal, settings = site().appeal, site().settings
    return render_template(
        "supporter/privacy.html",
        confirmation_days=settings.confirmation_days,
        erase_months_after_close=settings.erase_months_after_close,
        closes_on=settings.closes_on,
        endangered=endangered_residences(language),
        withheld_from=[state for state in states_in_order(language) if state.code in appeal.no_names_to],
    )


def endangered_residences(language: Language) -> list[tuple[str, str]]:
    """Return code and name of each residence where signing is dangerous, in the order of *language*."""
    endangered = site().appeal.endangered_residences
    return [each for each in residence.choices(language.code) if each[0] in endangered]


def _keep(
    state: ParticipatingState, form: SignatureForm, language: Language, admission: guard.Admission
) -> None:
    """Keep the signature in *form*; once this returns it is on disk."""
    signing = Signing(
        state_code=state.code,
        details=form.details(),
        residence=form.residence.data,
        disclosure=form.disclosure.data,
        language=language.code,
        edition=site().edition,
        held_for=admission.held_for,
        proof=admission.proof,
    )
    site().writer.sign(signing)
    site().tasks.wake()


def _named(typed: str, language: Language) -> ParticipatingState | None:
    """Return the state that somebody typed by its name, in the page's language or in English."""
    for code in (language.code, ENGLISH.code):
        wanted = sort_key(typed, code)
        for state in STATES.values():
            if sort_key(state.name(code), code) == wanted:
                return state
    return None
