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
from flask_babel import lazy_gettext as _
from wtforms.fields import SelectChoice

from campaign.delivery.model import Delivery
from campaign.organiser import account, invitation
from campaign.reference import notation
from campaign.reference.participating_state import STATES, ParticipatingState, states_in_order
from campaign.reference.residence import RESIDENCES
from campaign.reference.residence import name as residence_name
from campaign.signature.invalidation import Invalidation
from campaign.web.organise import carried_form
from campaign.web.organise.account_form import ROLE_CHOICES
from campaign.web.organise.carried_form import CarriedForm
from campaign.web.organise.criteria_form import HOLD_CHOICES, STAGE_CHOICES
from campaign.web.organise.signature_key import read_keys
from campaign.web.serving.language import current_language, punctuation
from campaign.web.site import now, session

LONGEST = 300
"""Characters of a value; the rest of a longer one, such as a reason, is left out."""

ACTS: Mapping[str, Any] = {
    f"organise.{view}": sentence
    for view, sentence in {
        "add_organiser": _("Invite somebody to these pages"),
        "adopt": _("Take over the signatures of an earlier start"),
        "allow_erasure": _("Let data be erased for good"),
        "approve": _("Approve or decline names or own words"),
        "change_key": _("Change the campaign’s key"),
        "change_role": _("Give an account another role"),
        "change_safety": _("Change the safety lists"),
        "checks": _("Show signatures with names"),
        "decide": _("Decide which signatures count"),
        "end_other_sessions": _("End your other sessions"),
        "erase_by_address": _("Withdraw and erase signatures"),
        "find_by_address": _("Look for the signatures of an address"),
        "find_signatures": _("Search signatures"),
        "import_delegations": _("Import addresses of delegations"),
        "list_file": _("Download a list with names"),
        "look_at_safety": _("Show what a change of the safety lists means"),
        "make_recovery_code": _("Make and show a new recovery code; your earlier one becomes useless"),
        "note_bounce": _("Note that a message to a delegation came back"),
        "note_reply": _("Note a delegation’s reply"),
        "note_told": _("Note that a notice was sent"),
        "prepare_delivery": _("Show a letter with its list"),
        "remove_organiser": _("Remove an account"),
        "reopen": _("Open signing again, although people could count twice"),
        "review_restoration": _("Publish names and allow deliveries again, after a restoration"),
        "revoke_invitation": _("Revoke an invitation"),
        "save_delegation": _("Change the address of a delegation, to which names are sent"),
        "save_organisation": _("Change who runs this campaign"),
        "search_signatures": _("Search names or own words"),
        "send_delivery": _("Send the letter, with its list, to a delegation"),
        "signatures": _("Show names or own words"),
        "switch_off_codes": _("Switch off the codes from your phone"),
        "test_delivery": _("Send a test with made-up names"),
        "try_recovery_code": _("Test your recovery code"),
        "undo_decision": _("Undo a decision: its signatures are as they were before"),
    }.items()
}
"""The sentence for each endpoint that a passphrase may lead to."""

LABELS: Mapping[str, Any] = {
    "act": _("Act"),
    "asks": _("Which"),
    "checked_on": _("Checked on"),
    "contact": _("Contact address"),
    "decision_id": _("Decision"),
    "delivery_id": _("Delivery"),
    "domain": _("Mail domain"),
    "email": _("E-mail address"),
    "endangered": _("Endangered residences"),
    "format": _("Format"),
    "held_for": _("Held"),
    "holds": _("Notes read"),
    "invitation_id": _("Invitation"),
    "keys": _("Ticked"),
    "kind": _("What"),
    "link": _("Setup link"),
    "more": _("Added"),
    "name": _("Name"),
    "no_names_to": _("No names to"),
    "note": _("What it says"),
    "numbers": _("Numbers on the list"),
    "organiser_id": _("Account"),
    "parts": _("Which"),
    "protect": _("From now on dangerous to sign in"),
    "public_reply": _("What everyone may read of it"),
    "query": _("Searched for"),
    "reader": _("Name of the native reader"),
    "reason": _("Reason"),
    "release": _("Names again to"),
    "replied_on": _("Replied on"),
    "residence": _("Residence"),
    "role": _("Role"),
    "scope": _("Which"),
    "seat": _("Seat"),
    "signed_from": _("Signed from"),
    "signed_to": _("Signed until"),
    "source": _("Source"),
    "stage": _("Confirmed"),
    "state": _("State"),
    "status": _("Status"),
    "sure": _("Warning read"),
    "unprotect": _("No more advice for residents of"),
    "withhold": _("No more names to"),
}
"""The labels of fields, and of the variables in addresses."""

NOT_SHOWN = frozenset(
    {"after", "back", "doubts", "found", "latest", "nonce", "search", "searched", "seen", "shown"}
)
"""Fields that a page fills in by itself; they make an act fail, or continue a search, but decide nothing."""

_STATES = frozenset({"no_names_to", "release", "state", "withhold"})
_RESIDENCES = frozenset({"endangered", "more", "protect", "residence", "unprotect"})
"""The fields whose values are codes."""


def _by_value(choices: list[SelectChoice]) -> dict[str, Any]:
    return {each.value: each.label for each in choices}


_WORDS: Mapping[str, Mapping[str, Any]] = {
    "act": {
        "approve": _("Approve"),
        "decline": _("Decline"),
        "invalidate": _("Take off the count"),
        "release": _("Let the held ones count"),
    },
    "format": {"csv": "CSV", "pdf": "PDF"},
    "held_for": _by_value(HOLD_CHOICES),
    "holds": {"y": _("yes")},
    "kind": {
        "digests": _("What tells whether a mailbox has signed"),
        "names": _("Names"),
        "words": _("Own words"),
    },
    "role": _by_value(ROLE_CHOICES),
    "scope": {"all": _("All found, and any that came since"), "chosen": _("Those that were ticked")},
    "stage": _by_value(STAGE_CHOICES),
    "status": {"waiting": _("Waiting"), "approved": _("Approved"), "declined": _("Declined")},
    "sure": {"y": _("yes")},
}
"""The words for the values of fields that give a choice."""


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
    if name in _STATES:
        return STATES[text].name(current_language().code) if text in STATES else _shortened(text)
    if name in _RESIDENCES:
        return residence_name(text, current_language().code) if text in RESIDENCES else _shortened(text)
    return str(_WORDS.get(name, {}).get(text, _shortened(text)))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def _argument(name: str, value: Any) -> str:
    """Return a variable of an address in words."""
    if name in _FOUND_BY_ID:
        return _FOUND_BY_ID[name](value) or gettext("not found")
    if isinstance(value, ParticipatingState):
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
