"""What people type: cleaned of what they did not mean, refused with a kind sentence where it cannot stand."""

import re
import unicodedata
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_babel import format_decimal, ngettext
from flask_babel import lazy_gettext as _
from wtforms.validators import StopValidation

from campaign.guard.mail_domain import is_disposable
from campaign.sealing.address import domain_of

LONGEST_ADDRESS = 254
"""Characters; RFC 5321 leaves no room for more."""

_INVISIBLE = dict.fromkeys([0x00AD, 0x061C, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF])
"""Soft hyphens and other marks that come along when text is pasted, and mean nothing in a name."""

_REFUSED = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # control characters; those that are blanks become spaces
    r"\u202a-\u202e\u2066-\u2069"  # turn the direction of what follows: a name could look like another
    r"\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"  # no characters, or tags that nobody sees
)
_LINE_END = re.compile(r"\r\n|[\r\n\u2028\u2029]")
_BLANKS = re.compile(r"[^\S\r\n\u2028\u2029]+")


def one_line(text: str | None) -> str:
    """Return *text* composed (NFC), without invisible marks, with single spaces."""
    return _BLANKS.sub(" ", unicodedata.normalize("NFC", text or "").translate(_INVISIBLE)).strip()


def paragraphs(text: str | None) -> str:
    """Return *text* composed (NFC), with one kind of line end and at most one empty line in a row."""
    lines = [line.strip() for line in _LINE_END.split(one_line(text))]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class Readable:
    """Refuse control characters and those that turn the direction of writing."""

    def __init__(self, *, lines: bool = False) -> None:
        self.lines = lines

    def __call__(self, form: Any, field: Any) -> None:
        """Stop at the first character that cannot stand."""
        del form
        text = field.data or ""
        if _REFUSED.search(text):
            raise StopValidation(
                _("This holds characters that cannot be printed. Please type it again instead of pasting it.")
            )
        if not self.lines and _LINE_END.search(text):
            raise StopValidation(_("This must fit on one line."))


class AtMost:
    """Refuse text that is longer than *characters*, and say by how much."""

    def __init__(self, characters: int) -> None:
        self.characters = characters

    def __call__(self, form: Any, field: Any) -> None:
        """Count as a reader would after cleaning."""
        del form
        surplus = len(field.data or "") - self.characters
        if surplus > 0:
            raise StopValidation(
                ngettext(
                    "This is %(num)s character too long; there is room for %(most)s.",
                    "This is %(num)s characters too long; there is room for %(most)s.",
                    surplus,
                    most=format_decimal(self.characters),
                )
            )


class Address:
    """Refuse what is no e-mail address by its syntax; a look-up would tell others who signs."""

    def __call__(self, form: Any, field: Any) -> None:
        """Leave the address as it is to be written to."""
        del form
        if len(field.data) > LONGEST_ADDRESS:
            raise StopValidation(_("An e-mail address has at most 254 characters."))
        try:
            checked = validate_email(field.data, check_deliverability=False, allow_quoted_local=True)
        except EmailNotValidError as error:
            raise StopValidation(
                _("This is not a complete e-mail address. It should look like name@example.org.")
            ) from error
        field.data = checked.normalized


class OwnMailbox:
    """Refuse services whose mailboxes anybody can open; stands after :class:`Address`."""

    def __call__(self, form: Any, field: Any) -> None:
        """Say why, and what would do."""
        del form
        if is_disposable(domain_of(field.data)):
            raise StopValidation(
                _(
                    "Anybody can open mailboxes of %(service)s, so anybody could withdraw your signature "
                    "or see what you signed. Use a mailbox that is yours alone; it need not bear your name.",
                    service=field.data.rpartition("@")[2],
                )
            )


def has_letter(text: str) -> bool:
    """Whether there is anything in *text* that a name could be made of."""
    return any(unicodedata.category(character).startswith("L") for character in text)
