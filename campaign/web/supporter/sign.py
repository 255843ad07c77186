"""Sign a letter, and others with the same details."""

from functools import cache

from flask import Response, render_template, url_for
from flask.typing import ResponseReturnValue

from campaign.errors import LimitError, ProofError
from campaign.mail.cause import may_be_named
from campaign.mail.message import shown_sender
from campaign.reference.language import Language
from campaign.reference.participating_state import ParticipatingState
from campaign.sealing.address_digest import AddressDigests
from campaign.signature.sign import Signing
from campaign.web.serving.errors import MAIL_RETRY_SECONDS
from campaign.web.site import is_open, now, site
from campaign.web.supporter import admission
from campaign.web.supporter.admission import Admission
from campaign.web.supporter.blueprint import bp
from campaign.web.supporter.form import SignatureForm
from campaign.web.supporter.letter_page import is_other_text, render_letter, signature_form


@bp.post("/<language:language>/letters/<state:state>")
def sign(language: Language, state: ParticipatingState) -> ResponseReturnValue:
    """Record a signature; the answer is the same for a first and a repeated one."""
    form = signature_form()
    if not is_open():
        return render_letter(language, state, form, is_too_late=True), 410
    if form.asks_for_advice or form.asks_for_letters or form.is_carried:
        return render_letter(language, state, form)
    if is_other_text(language, state):
        form.consent.data = False
        return render_letter(language, state, form, is_changed=True), 409
    if not form.validate():
        return render_letter(language, state, form), 422
    if site().snapshots.current().mail_is_backed_up:
        page = render_letter(language, state, form, mail_is_backed_up=True)
        return page, 503, {"Retry-After": str(MAIL_RETRY_SECONDS)}
    try:
        _record(language, state, form, admission.admit(state, form))
    except LimitError as error:
        page = render_letter(language, state, form, retry_after=error.seconds)
        return page, 429, {"Retry-After": str(error.seconds)}
    except ProofError:
        return admission.proof_page(language, state, form), 422
    return Response(status=303, headers={"Location": _check_your_mail_url(language)})


@bp.get("/<language:language>/check-your-mail")
def check_your_mail(language: Language) -> ResponseReturnValue:
    """Say what to do after signing; the same for a first and a repeated signature."""
    del language
    settings = site().settings
    return render_template(
        "supporter/check_your_mail.html",
        sender=shown_sender(settings),
        confirmation_days=settings.confirmation_days,
    )


@cache
def _check_your_mail_url(language: Language) -> str:
    # Cached, since building a URL takes a twentieth of the time of a signature.
    return url_for(".check_your_mail", language=language)


def _record(language: Language, state: ParticipatingState, form: SignatureForm, admitted: Admission) -> None:
    """Record the signatures in *form*; they are on disk when this returns."""
    safety, today = site().snapshots.current().safety, now().date()
    organisers_only = safety.withholds(state.code, today)
    signing = Signing(
        state_code=state.code,
        details=form.details(),
        digests=AddressDigests.of(site().keys, form.email.data),
        residence=form.residence.data,
        disclosure=form.disclosure.data,
        language=language.code,
        edition=site().edition,
        organisers_only=organisers_only,
        # What the form of the first letter promises about the name holds for all.
        also={code: organisers_only or safety.withholds(code, today) for code in form.also_to(state)},
        held_for=admitted.held_for,
        proof=admitted.proof,
        is_unlimited=admitted.is_unlimited,
        is_first=admitted.is_first,
        names_cause=_may_name_cause(form),
    )
    site().writer.sign(signing)
    site().tasks.wake()


def _may_name_cause(form: SignatureForm) -> bool:
    """Whether the mail may say what it is about: not for who chose the safer form, wherever they live."""
    is_sensitive = site().appeal.is_sensitive_residence
    residences = [form.residence.data]
    return not form.is_careful and may_be_named(form.email.data, residences, is_sensitive=is_sensitive)
