"""The audit log's acts, and what they are about, in the language of the page."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from campaign.organiser.audit_log import COMMAND_LINE, LOOK, WORKER
from campaign.reference import notation, residence
from campaign.reference.alphabet import sort_key
from campaign.reference.language import language_name
from campaign.reference.participating_state import STATES
from campaign.sealing.code import grouped
from campaign.signature.announcement import CLOCK, UNDELIVERED, YOUNG
from campaign.web.organise.translation_words import part_name
from campaign.web.serving.language import current_language, punctuation

ACTS: Mapping[str, Any] = {
    "accept promotion": _("New role accepted"),
    "adopt earlier names": _("Signatures of an earlier start taken over"),
    "allow to erase digests": _("Allowed: erase what tells whether a mailbox has signed"),
    "allow to erase names": _("Allowed: erase all names"),
    "approve names": _("Public names approved"),
    "approve words": _("Own words approved"),
    "change passphrase": _("Passphrase changed"),
    "change role": _("Role changed"),
    "change secret key": _("The server’s key changed"),
    "change the campaign's key": _("The campaign’s key changed"),
    "check translation": _("Native reader’s check saved"),
    "decline names": _("Public names declined"),
    "decline words": _("Own words declined"),
    "download list": _("List downloaded"),
    "end other sessions": _("Other sessions ended"),
    "enter address": _("Address of a delegation entered"),
    "enter organisation": _("Organisation entered"),
    "enter wrong code": _("Wrong code entered"),
    "erase digests": _("Erased: what tells whether a mailbox has signed"),
    "erase everything personal": _("Everything personal erased"),
    "erase names": _("All names erased"),
    "erase on request": _("Signatures erased on request"),
    "find altered boxes": _("Altered entries found"),
    "import addresses": _("Addresses imported"),
    "invalidate": _("Signatures taken off the count"),
    "invite organiser": _("Somebody invited"),
    "join": _("Account made"),
    "log in": _("Logged in"),
    LOOK: _("Names looked at"),
    "look for an address": _("Signatures of an address searched"),
    "make recovery code": _("Recovery code made"),
    "not sent": _("Delivery not sent"),
    "note bounce": _("Noted: the message came back"),
    "note reply": _("Reply noted"),
    "promote reader": _("Reader given another role"),
    "protect residents": _("From now on dangerous to sign in"),
    "recover account": _("Account recovered"),
    "release held": _("Held signatures released"),
    "release names": _("Names again to"),
    "remove organiser": _("Account removed"),
    "reopen after restoration": _("Names and deliveries allowed after a restoration"),
    "reopen signing": _("Signing opened again"),
    "restore backup": _("Backup restored"),
    "revoke invitation": _("Invitation revoked"),
    "send delivery": _("Letter sent to a delegation"),
    "send test": _("Test sent"),
    "store altered lists again": _("Altered safety lists stored again"),
    "switch codes off": _("Codes from the phone switched off"),
    "switch codes on": _("Codes from the phone switched on"),
    "take back check": _("Native reader’s check taken back"),
    "tell delegation": _("Notice to a delegation noted"),
    "try recovery code": _("Recovery code tested"),
    "undo invalidation": _("Decision undone"),
    "unprotect residents": _("No more advice for residents of"),
    "withhold names": _("No more names to"),
}
"""A test finds all acts that the code records."""

ABOUT_DELIVERY = frozenset({"send delivery", "note reply", "note bounce"})
"""Acts whose ``about`` has a delivery's code, alone or after a state's code."""

_CODES = ABOUT_DELIVERY | {
    "download list",
    "enter address",
    "erase on request",
    "look for an address",
    "not sent",
    "release names",
    "send test",
    "withhold names",
}
"""Acts whose ``about`` has states' codes."""

_RESIDENCES = frozenset({"protect residents", "unprotect residents"})

_ROLES = frozenset(
    {"accept promotion", "change role", "invite organiser", "join", "promote reader", "revoke invitation"}
)
"""Acts whose ``about`` ends in roles, after the name of the account and perhaps before who chose them."""

_TRANSLATIONS = frozenset({"check translation", "take back check"})
"""Acts whose ``about`` has a language's code and parts of its translation."""

_AT_A_ROLE = re.compile(r"(?:(?<=: )|(?<=→ )|^)(owner|organiser|reader)(?= →|, by |$)")

_WORDS: Mapping[str, Any] = {
    "approvals": _("Approvals"),
    "checks": _("Checks"),
    "organiser": _("organiser"),
    "owner": _("owner"),
    "preview of a delivery": _("Deliveries"),
    "reader": _("reader"),
    "requests": _("Requests"),
    "search": _("Search"),
    CLOCK: _(
        "The clock of the server leapt forward, or the server was off for more than a week."
        " Is today’s date right?"
    ),
    COMMAND_LINE: _("command line"),
    UNDELIVERED: _("Names were never delivered to their delegation; after the erasure they cannot be."),
    WORKER: _("server"),
    YOUNG: _("There are signatures younger than the closing day. Is the day right?"),
}


def act_in_words(act: str) -> str:
    """Return the act of an entry."""
    return str(ACTS.get(act, act))


def who_in_words(organiser: str) -> str:
    """Return who acted: an account's name, or what is no account."""
    return _word(organiser) if organiser in {COMMAND_LINE, WORKER} else organiser


def about_in_words(act: str, about: str) -> str:
    """Return what *act* was about: States and places by name, deliveries by grouped code."""
    if act in _RESIDENCES:
        return residence.name(about, current_language().code)
    if act in _CODES:
        return " ".join(map(_code, about.split()))
    if act in _ROLES:
        return _AT_A_ROLE.sub(lambda found: _word(found[1]), about).replace(", by ", " – ")
    if act in _TRANSLATIONS:
        language, *parts = about.split()
        name = language_name(language, current_language().code)
        return f"{name}{punctuation(':')} {', '.join(map(part_name, sorted(parts, key=_letters_first)))}"
    if act == LOOK:
        page, _colon, number = about.partition(": ")
        return f"{_word(page)}{punctuation(':')} {number}"
    if act.startswith("allow to "):
        return " ".join(map(_word_or_day, about.split()))
    if act in {"erase digests", "erase names"}:
        return about.removeprefix("of ").removesuffix(" signatures")
    return about.partition(" ")[0] if act == "find altered boxes" else about


def _letters_first(part: str) -> tuple[bool, str]:
    return not part.startswith("letter/"), sort_key(part_name(part), current_language().code)


def _word_or_day(text: str) -> str:
    try:
        return notation.day(date.fromisoformat(text), current_language().code)
    except ValueError:
        return _word(text)


def _word(text: str) -> str:
    return str(_WORDS.get(text, text))


def _code(word: str) -> str:
    if word in STATES:
        return STATES[word].name(current_language().code)
    return grouped(word) if len(word) == 20 else gettext("All") if word == "all" else word
