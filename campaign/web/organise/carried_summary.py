"""The words in which a page that asks for a passphrase says what is done after it, and with which values.

Somebody else may have prepared that page at the organiser's computer. So each carried field is shown, one
without a label under its own name; only what no organiser types or chooses is left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask_babel import gettext

from campaign.delivery.model import Delivery
from campaign.organiser import account, invitation
from campaign.reference import notation
from campaign.reference.language import LANGUAGES, Language, language_name
from campaign.reference.participating_state import STATES, ParticipatingState, states_in_order
from campaign.reference.residence import RESIDENCES
from campaign.reference.residence import name as residence_name
from campaign.signature.invalidation import Invalidation
from campaign.web.organise import carried_form
from campaign.web.organise.carried_form import CarriedForm
from campaign.web.organise.carried_words import (
    ACTS,
    LABELS,
    NOT_SHOWN,
    OF_LANGUAGES,
    OF_RESIDENCES,
    OF_STATES,
    VALUES,
)
from campaign.web.organise.signature_key import read_keys
from campaign.web.organise.translation_words import part_name
from campaign.web.serving.language import current_language, punctuation
from campaign.web.site import now, session

LONGEST = 300
"""Characters of a value; the rest of a longer one, such as a reason, is left out."""


@dataclass(frozen=True)
class Summary:
    """What is done after the passphrase: a sentence, and labels with values."""

    act: str
    values: list[tuple[str, str]]


def carried_summary() -> Summary | None:
    """Return what the page of this request says of the form that it carries, if it carries one."""
    waiting = carried_form.carried()
    found = carried_form.match(waiting) if waiting else None
    return _summary(waiting, *found) if waiting and found else None


def _summary(waiting: CarriedForm, endpoint: str, arguments: Mapping[str, Any]) -> Summary:
    values = [(str(LABELS[name]), _argument(name, value)) for name, value in arguments.items()]
    fields: dict[str, list[str]] = {}
    for name, text in waiting.typed:
        fields.setdefault(name, []).append(text)
    values += [
        (str(LABELS.get(name, name)), _value(name, texts))
        for name, texts in fields.items()
        if name not in NOT_SHOWN and any(texts)
    ]
    return Summary(str(ACTS[endpoint]), values)


def _value(name: str, texts: list[str]) -> str:
    """Return the values of the field *name* in words; a list of choices is never shortened."""
    if name == "link":
        return str(gettext("not shown here"))
    if name == "keys":
        ticked = {state_code for state_code, _id in read_keys(texts)}
        letters = [each for each in states_in_order(current_language()) if each.code in ticked]
        names = ", ".join(each.name(current_language().code) for each in letters)
        return f"{len(texts)}{punctuation(':')} {names}"
    return f"{punctuation(';')} ".join(_in_words(name, text) for text in texts)


def _in_words(name: str, text: str) -> str:
    if name in OF_STATES:
        return STATES[text].name(current_language().code) if text in STATES else _shortened(text)
    if name in OF_RESIDENCES:
        return residence_name(text, current_language().code) if text in RESIDENCES else _shortened(text)
    if name in OF_LANGUAGES:
        return language_name(text, current_language().code) if text in LANGUAGES else _shortened(text)
    if name == "parts":
        return _shortened(part_name(text))
    return str(VALUES.get(name, {}).get(text, _shortened(text)))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def _argument(name: str, value: Any) -> str:
    """Return a variable of an address in words."""
    if name in _FOUND_BY_ID:
        return _FOUND_BY_ID[name](value) or gettext("not found")
    if isinstance(value, ParticipatingState | Language):
        value = value.code
    return gettext("All") if value == "all" else _in_words(name, str(value))


def _account(organiser_id: UUID) -> str:
    found = account.account_by_id(session(), organiser_id)
    return f"{found.name} ({_in_words('role', found.role)})" if found else ""


def _invitation(invitation_id: UUID) -> str:
    pending = invitation.pending(session(), now=now())
    found = next((each for each in pending if each.id == invitation_id), None)
    return f"{found.name} ({_in_words('role', found.role or '')})" if found else ""


def _delivery(delivery_id: UUID) -> str:
    found = session().get(Delivery, delivery_id)
    if found is None:
        return ""
    return f"{STATES[found.state_code].name(current_language().code)}, {_day(found.prepared_at)}"


def _day(of: datetime) -> str:
    return notation.day(of, current_language().code)


def _decision(decision_id: UUID) -> str:
    found = session().get(Invalidation, decision_id)
    return f"{found.organiser}, {_day(found.made_at)}" if found else ""


_FOUND_BY_ID: Mapping[str, Callable[[UUID], str]] = {
    "decision_id": _decision,
    "delivery_id": _delivery,
    "invitation_id": _invitation,
    "organiser_id": _account,
}
