"""Render the private page of a link that opens several letters."""

from collections.abc import Iterable
from datetime import date
from functools import partial
from typing import NamedTuple

from flask import render_template, request

from campaign.reference import residence
from campaign.reference.language import Language
from campaign.reference.participating_state import STATES, ParticipatingState, states_in_order
from campaign.sealing.code import grouped
from campaign.signature.deadline import confirm_until
from campaign.signature.model import COUNTED, Signature
from campaign.signature.opened import Pending
from campaign.signature.opened_link import Group, OpenedLink, open_link
from campaign.signature.shown import Shown
from campaign.web.site import now, session, site
from campaign.web.supporter.disclosure_form import DisclosureForm
from campaign.web.supporter.private_page import (
    are_names_withheld,
    can_confirm,
    disclosure_form,
    public_from_turn,
    read_token,
)
from campaign.web.supporter.shared_letter import shared_letters


class Letter(NamedTuple):
    """A letter with its signature, as the page shows and offers it."""

    state: ParticipatingState
    signature: Signature
    shown: Shown
    names_withheld: bool


class Waiting(NamedTuple):
    """A group of pending signatures with the same details."""

    letters: list[Letter]
    first: Pending
    is_open: bool
    """Whether they were signed before the close."""
    confirm_until: date


def open_all(text: str) -> OpenedLink:
    """Return what the token in *text* opens, of all letters.

    Raises:
        UnknownTokenError: It opens nothing.
    """
    token, days = read_token(text), site().settings.confirmation_days
    return open_link(session(), token, keys=site().keys, now=now(), confirmation_days=days)


def render_link(
    language: Language,
    token: str,
    form: DisclosureForm | None = None,
    *,
    is_changed: bool = False,
    is_empty: bool = False,
) -> str:
    """Return the page of all letters that *token* opens.

    Args:
        language: Of the page.
        token: Of the link.
        form: To change who may see the name, with its errors.
        is_changed: A button was pressed on a page that no longer holds, and nothing was done.
        is_empty: A button was pressed without a letter, and nothing was done.
    """
    link, done = open_all(token), request.args.get("done", "")
    named = [each for each in link.confirmed if each.disclosure != COUNTED]
    choices = {each.disclosure for each in named}
    preset = {"disclosure": choices.pop()} if len(choices) == 1 else {}
    return render_template(
        "supporter/signatures.html",
        waiting=[_waiting(each, language) for each in link.groups if not each.is_repeated],
        repeated=[_waiting(each, language) for each in link.groups if each.is_repeated],
        confirmed=_letters(link.confirmed, language),
        superseding=_letters(link.superseding, language),
        named=_letters(named, language),
        withdrawn=_letters(link.withdrawn, language),
        elsewhere=[state for state in states_in_order(language) if state.code in link.elsewhere],
        token=token,
        code=grouped(read_token(token)),
        public_from=public_from_turn(done),
        shared=shared_letters(language),
        may_share=not any(site().appeal.is_sensitive_residence(each.residence) for each in link.signatures),
        form=form or disclosure_form(*named, **preset),
        done=done,
        residence_name=partial(residence.name, language=language.code),
        is_changed=is_changed,
        is_empty=is_empty,
    )


def _letters(signatures: Iterable[Signature], language: Language) -> list[Letter]:
    return _in_order(
        [
            Letter(STATES[each.state_code], each, Shown.of(each), are_names_withheld(each))
            for each in signatures
        ],
        language,
    )


def _waiting(group: Group, language: Language) -> Waiting:
    letters = [
        Letter(STATES[row.state_code], row, each.shown, are_names_withheld(row))
        for each in group.pending
        for row in [each.signature]
    ]
    first = group.first.signature
    return Waiting(
        letters=_in_order(letters, language),
        first=group.first,
        is_open=can_confirm(first),
        confirm_until=confirm_until(first.signed_on, site().settings.confirmation_days),
    )


def _in_order(letters: list[Letter], language: Language) -> list[Letter]:
    order = {state.code: at for at, state in enumerate(states_in_order(language))}
    return sorted(letters, key=lambda each: order[each.state.code])
