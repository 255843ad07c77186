"""The parts of a translation, in the words of the organisers' pages."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _

from campaign.appeal.content import Ask
from campaign.reference.participating_state import STATES
from campaign.web.serving.language import current_language

PAGES: Mapping[str, Any] = {
    "appeal": _("Call, persons and sources"),
    "home": _("Home"),
    "letter": _("Letter"),
    "private": _("Your page"),
    "progress": _("Progress"),
    "privacy": _("Privacy"),
    "mail": _("E-mail"),
    "document": _("Deliveries"),
    "supporter": _("Other pages for supporters"),
    "organise": _("Organisers"),
}
"""The groups of :data:`~campaign.reference.catalogue_page.GROUPS`, and the campaign's own texts."""

ASKS: Mapping[Ask, Any] = {
    Ask.PROPOSE: _("Propose a listing by the European Union"),
    Ask.ALIGN: _("Align with a listing by the European Union"),
    Ask.ALIGN_NATIONAL: _("Follow the European Union under national law"),
    Ask.GENERAL: _("General request"),
}
"""What several letters ask for; they have the same text but for address, law and a few sentences."""


def part_name(key: str) -> str:
    """Return the name of the part with this key: of a letter the State's, of pages that of their group."""
    name = key.partition("/")[2]
    if name in PAGES and key.startswith("page/"):
        return str(PAGES[name])
    return STATES[name].name(current_language().code) if name in STATES else name
