"""Which endpoints ask for the passphrase, and the code, again: those whose use can cost everything."""

from collections.abc import Mapping
from datetime import datetime, timedelta

VALID_FOR = timedelta(minutes=5)
"""How long an answer is good. Logging in, setting up and recovering an account count as answers."""

SENDING_VALID_FOR = timedelta(minutes=30)
"""For sending letters. There are 57, each takes a minute, and none goes elsewhere than to the stored
address, whose change asks after five minutes."""

ASKS: Mapping[str, timedelta] = {
    **{
        f"organise.{view}": VALID_FOR
        for view in (
            "add_organiser",
            "adopt",
            "allow_erasure",
            "change_key",
            "change_role",
            "change_safety",
            "decide",
            "erase_by_address",
            "find_by_address",
            "import_delegations",
            "list_file",
            "make_recovery_code",
            "remove_organiser",
            "reopen",
            "review_restoration",
            "save_delegation",
            "save_organisation",
            "switch_off_codes",
        )
    },
    "organise.send_delivery": SENDING_VALID_FOR,
}
"""The endpoints that ask, each with the greatest age of an answer."""

MOST_NAMES = 300
"""Names that a session's pages show after an answer has aged; the next page with names asks."""

PAGES_WITH_NAMES: Mapping[str, str] = {
    "organise.signatures": "approvals",
    "organise.search_signatures": "search",
    "organise.checks": "checks",
    "organise.find_signatures": "checks",
    "organise.decide": "checks",
    "organise.prepare_delivery": "preview of a delivery",
    "organise.test_delivery": "preview of a delivery",
    "organise.send_delivery": "preview of a delivery",
    "organise.erase_by_address": "requests",
}
"""What the audit log calls the pages with names, by their endpoints."""

ASKS_IN_ITS_FORM = frozenset(
    f"organise.{view}"
    for view in ("accept_promotion", "authenticate_again", "change_passphrase", "switch_on_codes")
)
"""The endpoints whose own form asks for the passphrase each time."""

HARMLESS: Mapping[str, str] = {
    "organise.approve": "publishes only what its signatory wants published; declining takes it back",
    "organise.check_translation": "takes a sentence off letters; can be taken back",
    "organise.end_other_sessions": "only ends what is open",
    "organise.find_signatures": "shows fifty names at most; beyond ``MOST_NAMES`` it asks",
    "organise.logout": "ends the session",
    "organise.look_at_safety": "shows what a change would do",
    "organise.note_bounce": "lets a letter be sent again, which asks",
    "organise.note_reply": "can be edited",
    "organise.note_told": "ticks a task off",
    "organise.revoke_invitation": "lets nobody in; inviting again asks",
    "organise.search_signatures": "shows fifty names at most; beyond ``MOST_NAMES`` it asks",
    "organise.test_delivery": "sends made-up names",
    "organise.try_recovery_code": "takes the code itself",
    "organise.uncheck_translation": "lets letters say again that nobody has checked them",
    "organise.undo_decision": "puts signatures back; deciding again asks",
}
"""The posts that do not ask, each with the reason."""


def is_due(endpoint: str | None, *, asked_at: datetime, names_shown: int, now: datetime) -> bool:
    """Whether *endpoint* asks again after an answer at *asked_at* and *names_shown* since."""
    valid_for = ASKS.get(endpoint or "")
    if endpoint in PAGES_WITH_NAMES and names_shown >= MOST_NAMES:
        valid_for = VALID_FOR
    # Machines of one site differ by moments, and a clock may be set back.
    return valid_for is not None and abs(now - asked_at) > valid_for
