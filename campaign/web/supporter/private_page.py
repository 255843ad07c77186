"""Open a signature by its token and render its private page."""

from datetime import date, datetime, timedelta
from functools import partial

from flask import render_template, request

from campaign.delivery.model import with_signature
from campaign.errors import UnknownTokenError
from campaign.reference import residence
from campaign.reference.language import LANGUAGES, Language
from campaign.reference.participating_state import STATES
from campaign.sealing.code import grouped, read_code
from campaign.signature import published_count
from campaign.signature.announcement import digests_due_on, names_erased_on
from campaign.signature.deadline import confirm_until, is_late
from campaign.signature.erase import names_due_on
from campaign.signature.link import count_links
from campaign.signature.model import Signature
from campaign.signature.opened import OpenedLetter, open_letter
from campaign.web.site import is_open, is_over, now, session, site
from campaign.web.supporter.disclosure_form import DisclosureForm
from campaign.web.supporter.find_form import FindSignatureForm
from campaign.web.supporter.shared_letter import shared_letter

ACTIONS = ("confirm", "replace", "disclose", "withdraw")
"""The values of a button's field ``action``."""


def read_token(text: str) -> str:
    """Return the token in *text* as it is stored.

    Raises:
        UnknownTokenError: It is not a token.
    """
    token = read_code(text)
    if token is None:
        raise UnknownTokenError("this is not a code")
    return token


def open_page(text: str, state_code: str = "") -> tuple[str, OpenedLetter]:
    """Return the token in *text* and what it opens of the letter to *state_code*, or of one of its letters.

    Raises:
        UnknownTokenError: It opens nothing, or the signature was not confirmed in time.
    """
    token, days = read_token(text), site().settings.confirmation_days
    opened = open_letter(session(), token, state_code, keys=site().keys, now=now(), confirmation_days=days)
    return token, opened


def disclosure_form(*signatures: Signature, **preset: str) -> DisclosureForm:
    """Return the form that changes who may see the name of *signatures*."""
    return DisclosureForm(is_endangered=any(map(_is_endangered, signatures)), **preset)


def render_signature(
    language: Language, token: str, opened: OpenedLetter, form: DisclosureForm, *, is_changed: bool = False
) -> str:
    """Return the private page of what a link opens, by whether it is pending, confirmed or withdrawn.

    Args:
        language: Of the page.
        token: Of the link.
        opened: What it opens.
        form: To change who may see the name.
        is_changed: A button was pressed on a page that no longer holds, and nothing was done.
    """
    signature, done = opened.signature, request.args.get("done", "")
    shown = _shown(language, token, opened) | {"form": form, "is_changed": is_changed}
    if signature.withdrawn_on:
        return render_template("supporter/signature_withdrawn.html", **shown)
    if not signature.confirmed_on:
        return render_template("supporter/signature_pending.html", **shown)
    replaced = opened.replaced
    deliveries = with_signature(session(), replaced.state_code, replaced.id) if replaced else []
    if not opened.may_change:
        return render_template("supporter/signature_superseded.html", **shown, replaced_deliveries=deliveries)
    return render_template(
        "supporter/signature_confirmed.html",
        **shown,
        code=grouped(token),
        done=done if done in ACTIONS else "",
        replaced_deliveries=deliveries,
        is_endangered=_is_endangered(signature),
        public_from=public_from_turn(done),
        shared=shared_letter(language, STATES[signature.state_code]),
        may_share=not site().appeal.is_sensitive_residence(signature.residence),
    )


def _shown(language: Language, token: str, opened: OpenedLetter) -> dict[str, object]:
    """Return what the three pages share."""
    signature = opened.signature
    return {
        "opened": opened,
        "signature": signature,
        "state": STATES[signature.state_code],
        "letters": [STATES[code] for code in opened.state_codes],
        "token": token,
        "is_open": can_confirm(signature),
        "may_sign": is_open(),
        "confirm_until": confirm_until(signature.signed_on, site().settings.confirmation_days),
        "residence_name": partial(residence.name, language=language.code),
        "names_withheld": are_names_withheld(signature),
        "more": _more(language, signature),
    }


def public_from_turn(done: str) -> datetime | None:
    """Return when the public figure may include a signature that was just confirmed; ``None`` otherwise."""
    settings = site().settings
    if done != "confirm" or settings.shows_every_act:
        return None
    return published_count.next_turn(settings, now())


def render_find_signature(
    form: FindSignatureForm, *, is_expired: bool = False, mail_is_backed_up: bool = False
) -> str:
    """Return the page that leads back to a private page.

    Args:
        form: The form for the code or the address.
        is_expired: The visitor has a link or code that opens nothing.
        mail_is_backed_up: Whether links were asked for while no mail can leave.
    """
    return render_template(
        "supporter/find_signature.html",
        form=form,
        is_expired=is_expired,
        mail_is_backed_up=mail_is_backed_up,
        erased_on=names_erased_on(session()) if is_expired else None,
        closed_on=site().closes_on if is_over() else None,
        forgotten=site().erased_close is not None,
    )


def unknown_link(form: FindSignatureForm) -> tuple[str, int]:
    """Return the page for a link or code that opens nothing, and the status: 410 if none can be confirmed."""
    return render_find_signature(form, is_expired=True), 410 if is_over() else 404


def _is_endangered(signature: Signature) -> bool:
    return signature.residence in site().appeal.endangered_residences


def are_names_withheld(signature: Signature) -> bool:
    """Whether the delegation does not get the name of *signature*."""
    safety = site().snapshots.current().safety
    return signature.organisers_only or safety.withholds(signature.state_code, signature.signed_on)


def can_confirm(signature: Signature) -> bool:
    """Whether *signature* was made in time; an expired one has no page."""
    return not is_late(signature, site().closes_on)


def _more(language: Language, signature: Signature) -> dict[str, object]:
    """Return what is stored about the signatory beside the signature's row, and until when."""
    closes_on = site().closes_on
    return {
        "residence": residence.name(signature.residence, language.code),
        "language": LANGUAGES[signature.language].name,
        "links": count_links(session(), signature),
        "deliveries": with_signature(session(), signature.state_code, signature.id),
        "erased_on": _erased_on(signature),
        "forgotten_on": digests_due_on(closes_on, site().settings.confirmation_days) if closes_on else None,
    }


def _erased_on(signature: Signature) -> date | None:
    """Return the day on which personal data is erased automatically; ``None`` while no close is set."""
    settings = site().settings
    if signature.confirmed_on is None:
        return confirm_until(signature.signed_on, settings.confirmation_days) + timedelta(days=1)
    if settings.closes_on is None:
        return None
    return names_due_on(settings.closes_on, settings.erase_months_after_close, settings.confirmation_days)
