"""Whether a page can use a translation: its placeholders, HTML tags and plural forms are as in English."""

import re
from collections.abc import Iterator

from babel.messages.catalog import Message

from campaign.reference.catalogue import english, translations

PLACEHOLDER = re.compile(r"%\((\w+)\)[a-z]|%%")
TAG = re.compile(r"</?\w+[^>]*>|<[!?/]")
CODE = re.compile(r"<code>.*?</code>")

MAY_LEAVE_OUT_ONE = frozenset({"de", "it", "es", "kk"})
"""Languages whose singular means 1 alone: French has it for 0 too, Russian and Ukrainian for 21 and 31."""

COUNTS = frozenset({"%(num)s", "%(num)d", "%(count)s", "%(number)s"})
"""Placeholders of the number that chooses the plural form."""


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
