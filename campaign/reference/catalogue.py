"""Translators' files: whether each message is translated, and whether a page can use the translation."""

import re
from collections.abc import Iterator

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from campaign.reference.language import catalogue_file

PLACEHOLDER = re.compile(r"%\((\w+)\)[a-z]|%%")
TAG = re.compile(r"</?\w+[^>]*>")
CODE = re.compile(r"<code>.*?</code>")

MAY_LEAVE_OUT_ONE = frozenset({"de", "it", "es", "kk"})
"""Languages whose singular means 1 alone: French has it for 0 too, Russian and Ukrainian for 21 and 31."""

COUNTS = frozenset({"%(num)s", "%(num)d", "%(count)s", "%(number)s"})
"""Placeholders of the number that chooses the plural form."""


def read(code: str) -> Catalog:
    """Return the translators' file of the language *code*.

    Raises:
        babel.messages.pofile.PoFileError: The file is malformed.
    """
    with catalogue_file(code).open("rb") as file:
        return read_po(file, locale=code, abort_invalid=True)


def english(message: Message) -> tuple[str, ...]:
    """Return the English text: one form, or singular and plural."""
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def translations(message: Message) -> tuple[str, ...]:
    """Return the forms of the translation in the order of the language's plural forms."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def is_translated(message: Message) -> bool:
    """Whether every form has a text, and nobody marked it as a guess ("fuzzy")."""
    return all(translations(message)) and not message.fuzzy


def faults(message: Message, code: str, forms: int) -> Iterator[str]:
    """Yield what would break a page in the language *code*, whose number of plural forms is *forms*."""
    wanted = english(message)
    if len(wanted) > 1 and len(translations(message)) != forms:
        yield f"needs {forms} plural forms"
    for number, text in enumerate(translations(message)):
        original = wanted[min(number, len(wanted) - 1)]
        may_leave_out = len(wanted) > 1 and number == 0 and code in MAY_LEAVE_OUT_ONE
        yield from _placeholder_faults(wanted, text, may_leave_out=may_leave_out)
        for pattern, what in ((TAG, "HTML tags"), (CODE, "commands and names in <code>")):
            if sorted(pattern.findall(text)) != sorted(pattern.findall(original)):
                yield f"{what} differ from the English"


def _placeholder_faults(wanted: tuple[str, ...], text: str, *, may_leave_out: bool) -> Iterator[str]:
    known = {each.group() for form in wanted for each in PLACEHOLDER.finditer(form)}
    used = {each.group() for each in PLACEHOLDER.finditer(text)}
    if unknown := used - known:
        yield f"has the placeholder {_listed(unknown)}, which the English has not"
    if lost := known - used - (COUNTS if may_leave_out else frozenset()):
        yield f"lacks the placeholder {_listed(lost)}"
    if known and "%" in PLACEHOLDER.sub("", text):
        yield "has a % sign that must be written %%"


def _listed(placeholders: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(placeholders))
