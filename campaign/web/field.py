"""Filters and validators for text fields: clean what was typed or pasted, refuse what cannot be stored."""

import re
import unicodedata
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _
from flask_babel import ngettext
from wtforms.validators import StopValidation

from campaign.guard.mail_domain import is_disposable
from campaign.guard.mail_typo import is_misspelt
from campaign.reference import notation
from campaign.reference.normal_form import normal_form
from campaign.sealing.address import domain_of
from campaign.web.serving.language import language_code
from campaign.web.site import site

LONGEST_ADDRESS = 254
"""Characters; the longest that RFC 5321 allows."""

LONGEST_COPIED = 600
"""Characters of an address with its owner's name."""

_INVISIBLE = dict.fromkeys([0x00AD, 0x061C, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF])
"""Soft hyphens and other invisible characters in pasted text, which have no meaning in a name."""

_REFUSED = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # control characters, except white space, which becomes spaces
    r"\u202a-\u202e\u2066-\u2069"  # change the direction of text: a name could look like another
    r"\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"  # noncharacters, and invisible tags
)
_WEB_OR_MAIL = re.compile(
    r"""
    \S@\S+\.\S                     # anna@example.org
    | ://
    | \bwww\.\S
    | \w\.\w{2,}/\S
    | \w{2}\.(?:com|org|net|info)\b   # "St.Gallen" and "J.R.Example" are none
    | \w{3}\.(?:eu|kz|ru|рф|ua)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_FILLERS = dict.fromkeys([0x115F, 0x1160])
_JOINERS = dict.fromkeys([0x200C, 0x200D])
_ALPHABETS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN"})
"""Alphabets that share the looks of many letters, as Unicode's names of characters begin."""
_FULL_WIDTH = {number: number - 0xFEE0 for number in range(0xFF01, 0xFF5F)}

_AROUND_ADDRESS = re.compile(
    r"(?:[^@]*<)?[(\['‘“„«]*+(?:mailto:)?"
    r"([^\s<>@]++@[^\s<>@?]+?)"
    r"(?:\?\S*+)?[.,;:!?)>\]'’”“»\"/\s]*+",
    re.IGNORECASE,
)
"""An address as it is copied: with its owner's name, as a link, or with punctuation stuck to it."""

_LINE_END = re.compile(r"\r\n|[\r\n\u2028\u2029]")
_BLANKS = re.compile(r"[^\S\r\n\u2028\u2029]+")


def one_line(text: str | None) -> str:
    """Return *text* in NFC, without invisible characters, with single spaces."""
    return _BLANKS.sub(" ", normal_form("NFC", text or "").translate(_INVISIBLE)).strip()


def one_address(text: str | None) -> str:
    """Return the e-mail address in *text*, without what address books and links put around it."""
    typed = one_line(text).translate(_FULL_WIDTH)
    found = _AROUND_ADDRESS.fullmatch(typed) if len(typed) <= LONGEST_COPIED else None
    return found[1] if found else typed


def paragraphs(text: str | None) -> str:
    """Return *text* in NFC, with one kind of line end and at most one empty line in a row."""
    lines = [line.strip() for line in _LINE_END.split(one_line(text))]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class Readable:
    """Refuse control characters and characters that change the direction of text.

    Args:
        lines: Allow several lines.
    """

    def __init__(self, *, lines: bool = False) -> None:
        self.lines = lines

    def __call__(self, form: Any, field: Any) -> None:
        """Stop the validation at a refused character, or at a line end in a field of one line."""
        del form
        text = field.data or ""
        if _REFUSED.search(text):
            raise StopValidation(
                _("Some characters here cannot be printed. Type the text again instead of pasting it.")
            )
        if not self.lines and _LINE_END.search(text):
            raise StopValidation(_("This must fit on one line."))


class NoAddress:
    """Refuse e-mail and web addresses, which belong to no name of a person or a town.

    Args:
        message: Says what to enter instead.
    """

    def __init__(self, message: Any) -> None:
        self.message = message

    def __call__(self, form: Any, field: Any) -> None:
        """Stop the validation, however the address is written."""
        del form
        # Compatibility forms: a full-width "＠" or "．" is read as the plain one.
        text = normal_form("NFKC", field.data or "").translate(_JOINERS)
        if _WEB_OR_MAIL.search(text):
            raise StopValidation(self.message)


class AtMost:
    """Refuse text of more than *characters*, and say by how many."""

    def __init__(self, characters: int) -> None:
        self.characters = characters

    def __call__(self, form: Any, field: Any) -> None:
        """Stop the validation of a longer text; filters have cleaned it before."""
        del form
        surplus = len(field.data or "") - self.characters
        if surplus > 0:
            raise StopValidation(
                ngettext(
                    "This is %(num)s character too long; there is room for %(most)s.",
                    "This is %(num)s characters too long; there is room for %(most)s.",
                    surplus,
                    most=notation.number(self.characters, language_code()),
                )
            )


class Address:
    """Refuse malformed e-mail addresses, by syntax only: a DNS look-up would reveal signatories to others."""

    def __call__(self, form: Any, field: Any) -> None:
        """Normalise the address."""
        del form
        if len(field.data) > LONGEST_ADDRESS:
            raise StopValidation(_("An e-mail address has at most 254 characters."))
        try:
            checked = validate_email(field.data, check_deliverability=False, allow_quoted_local=True)
        except EmailNotValidError as error:
            raise StopValidation(
                _("This is not a complete e-mail address. It should look like name@example.org.")
            ) from error
        if not checked.normalized.isascii():
            _refuse_mixed_alphabets(checked.local_part, checked.domain)
        field.data = checked.normalized


class Deliverable:
    """Refuse an address that the mail relay has shown it cannot write to; used after :class:`Address`.

    A domain beyond ASCII is no problem: in mails it is written in ASCII.
    """

    def __call__(self, form: Any, field: Any) -> None:
        """Stop the validation, and say what to do instead."""
        del form
        before_at = field.data.rpartition("@")[0]
        if before_at.isascii() or not site().snapshots.current().relay_takes_ascii_only:
            return
        raise StopValidation(
            _(
                "Our mail provider cannot write to addresses with letters such as “%(letters)s” before the @."
                " Please use another address.",
                letters="".join(dict.fromkeys(each for each in before_at if not each.isascii()))[:5],
            )
        )


class OwnMailbox:
    """Refuse services whose mailboxes anybody can open; used after :class:`Address`."""

    def __call__(self, form: Any, field: Any) -> None:
        """Stop the validation, and say which mailbox to use instead."""
        del form
        domain = domain_of(field.data)
        # Such services own some misspelt domains too; who mistyped wanted none of them.
        if is_disposable(domain) and not is_misspelt(domain):
            raise StopValidation(
                _(
                    "Anybody can open mailboxes of %(service)s, so anybody could withdraw your signature "
                    "or see what you signed. Use a mailbox that is yours alone; it need not bear your name.",
                    service=field.data.rpartition("@")[2],
                )
            )


def has_letter(text: str) -> bool:
    """Whether *text* has a letter of any alphabet that shows something: the fillers of Hangul do not."""
    letters = normal_form("NFKD", text).translate(_FILLERS)
    return any(unicodedata.category(character).startswith("L") for character in letters)


def mixes_alphabets(text: str) -> bool:
    """Whether *text* has letters of two alphabets that look alike, such as Latin and Cyrillic."""
    alphabets = {unicodedata.name(character, "").partition(" ")[0] for character in text}
    return len(alphabets & _ALPHABETS) > 1


def _refuse_mixed_alphabets(local: str, domain: str) -> None:
    """Refuse a part of an address that mixes alphabets: "сom" with a Cyrillic "с" leads nowhere.

    A domain's last two parts are taken together where the last is not ASCII: such endings allow
    their own alphabet alone. Under an ASCII ending every alphabet is allowed.
    """
    labels = domain.split(".")
    ending = [] if labels[-1].isascii() else [".".join(labels[-2:])]
    for part in (local, *labels, *ending):
        if mixes_alphabets(part):
            raise StopValidation(
                _(
                    "“%(part)s” in this address has letters of two alphabets that look alike. "
                    "Please type the address again, with one keyboard.",
                    part=part,
                )
            )
