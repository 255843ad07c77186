"""What somebody changed in the database, in the language of the page."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _

from campaign.operations import altered_row

KINDS: Mapping[str, Any] = {
    altered_row.ADDRESS: _("address of a delegation: %(about)s"),
    altered_row.EARLIER_KEY: _("an earlier key of the campaign was put back"),
    altered_row.EDITION: _("edition of the letter: %(about)s"),
    altered_row.ERASED: _("the mark of an erasure, although keys are there"),
    altered_row.KEY: _("the campaign’s key"),
    altered_row.LISTS: _("safety lists"),
    altered_row.ORGANISATION: _("who runs this campaign"),
    altered_row.ORGANISER: _("account: %(about)s"),
    altered_row.PUT_BACK: _("withdrawn signatures that were put back: %(about)s"),
    altered_row.SIGNATURES: _("signatures: %(about)s"),
    altered_row.WRAPPING: _("an invitation, a promotion or a recovery code"),
}


def altered_in_words(kind: str, about: str) -> str:
    """Return a finding of :mod:`campaign.operations.altered_row`."""
    return str(KINDS[kind]) % {"about": about}
