"""The words for a form that waits for a passphrase: its act, its fields and their choices."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _
from wtforms.fields import SelectChoice

from campaign.web.organise.account_form import ROLE_CHOICES
from campaign.web.organise.criteria_form import HOLD_CHOICES, STAGE_CHOICES
from campaign.web.organise.translation_words import ASKS

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
        "check_translation": _("Save a native reader’s check"),
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
        "uncheck_translation": _("Take a native reader’s check back"),
        "undo_decision": _("Undo a decision: its signatures are as they were before"),
    }.items()
}
"""The sentence for each endpoint that a passphrase may lead to."""

LABELS: Mapping[str, Any] = {
    "act": _("Act"),
    "asks": _("Which letters"),
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
    "letter": _("Language of letter, cover and list"),
    "link": _("Setup link"),
    "more": _("Added"),
    "name": _("Name"),
    "no_names_to": _("No names to"),
    "note": _("What it says"),
    "numbers": _("Numbers on the list"),
    "organiser_id": _("Account"),
    "parts": _("Ticked"),
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
    "translation": _("Language"),
    "unprotect": _("No more advice for residents of"),
    "withhold": _("No more names to"),
}
"""The labels of fields, and of the variables in addresses."""

NOT_SHOWN = frozenset(
    {"after", "back", "doubts", "found", "latest", "nonce", "search", "searched", "seen", "shown"}
)
"""Fields that a page fills in by itself; they make an act fail, or continue a search, but decide nothing."""

OF_STATES = frozenset({"no_names_to", "release", "state", "withhold"})
OF_LANGUAGES = frozenset({"letter", "translation"})
OF_RESIDENCES = frozenset({"endangered", "more", "protect", "residence", "unprotect"})
"""The fields whose values are codes."""


def _by_value(choices: list[SelectChoice]) -> dict[str, Any]:
    return {each.value: each.label for each in choices}


VALUES: Mapping[str, Mapping[str, Any]] = {
    "act": {
        "approve": _("Approve"),
        "decline": _("Decline"),
        "invalidate": _("Take off the count"),
        "release": _("Let the held ones count"),
    },
    "asks": {ask.value: sentence for ask, sentence in ASKS.items()},
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
