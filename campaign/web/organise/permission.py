"""The permissions: the least role for each endpoint; an endpoint without an entry is forbidden."""

from collections.abc import Mapping

from campaign.organiser.role import ORGANISER, OWNER, READER, reaches

OPEN = frozenset(
    f"organise.{view}"
    for view in (
        "choose_language",
        "login",
        "log_in",
        "setup",
        "set_up",
        "recover",
        "use_recovery_code",
    )
)
"""The endpoints that need no login."""

_VIEWS = {
    # Figures, deliveries, the own account; no name of a signatory.
    READER: (
        "accept_promotion",
        "account",
        "again",
        "audit",
        "authenticate_again",
        "closing",
        "dashboard",
        "delegations",
        "deliveries",
        "change_passphrase",
        "delivery",
        "end_other_sessions",
        "logout",
        "translated_page",
        "translation",
        "translations",
        "passphrase",
        "promotion",
        "second_factor",
        "switch_off_codes",
        "switch_on_codes",
    ),
    # Names, approvals, lists, deliveries.
    ORGANISER: (
        "approve",
        "checks",
        "decide",
        "delegations_template",
        "erase_by_address",
        "find_by_address",
        "find_signatures",
        "import_delegations",
        "list_file",
        "make_recovery_code",
        "note_bounce",
        "note_reply",
        "note_told",
        "notices",
        "prepare_delivery",
        "recovery_drill",
        "requests",
        "save_delegation",
        "search_signatures",
        "send_delivery",
        "signatures",
        "test_delivery",
        "try_recovery_code",
        "undo_decision",
    ),
    # Organisers, organisation, safety lists.
    OWNER: (
        "add_organiser",
        "adopt",
        "allow_erasure",
        "change_key",
        "change_role",
        "change_safety",
        "check_translation",
        "look_at_safety",
        "member",
        "remove_organiser",
        "reopen",
        "restored",
        "review_restoration",
        "revoke_invitation",
        "safety",
        "save_organisation",
        "uncheck_translation",
    ),
}

LEAST: Mapping[str, str] = {f"organise.{view}": role for role, views in _VIEWS.items() for view in views}
"""The least role for each endpoint."""


def allows(role: str, endpoint: str | None) -> bool:
    """Whether *role* may use *endpoint*."""
    least = LEAST.get(endpoint or "")
    return least is not None and reaches(role, least)
