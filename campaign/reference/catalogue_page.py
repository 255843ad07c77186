"""The messages of a translators' file by the pages that show them, for people who review a translation."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from campaign.reference import catalogue
from campaign.reference.language import catalogue_file

GROUPS: Mapping[str, tuple[str, ...]] = {
    "home": ("templates/supporter/home", "templates/_tile_map", "campaign/web/supporter/home"),
    "letter": (
        "templates/supporter/letter.",
        "templates/supporter/_signature_form",
        "templates/supporter/_also",
        "templates/_letter",
        "templates/_advice",
        "campaign/letter/",
        "campaign/web/supporter/also",
        "campaign/web/supporter/disclosure_form",
        "campaign/web/supporter/form",
        "campaign/web/supporter/residence_field",
        "campaign/web/field",
    ),
    "private": ("templates/supporter/signature", "templates/supporter/_signature."),
    "progress": ("templates/supporter/progress", "campaign/web/supporter/progress"),
    "privacy": ("templates/supporter/privacy", "campaign/web/supporter/privacy"),
    "mail": ("templates/email/", "campaign/mail/"),
    "document": ("campaign/signature_list/", "campaign/delivery/"),
    "supporter": (
        "templates/supporter/",
        "templates/base",
        "templates/error",
        "templates/share",
        "templates/_",
        "campaign/reference/",
        "campaign/web/supporter/",
        "campaign/web/serving/",
    ),
    "organise": (),
}
"""What one person reviews in one go, by the beginnings of the files' paths, without the campaign's own texts.

A message belongs to the first group that shows it, so that supporters' pages come before organisers';
to the last one, without paths, if none does.
"""


class TranslatedText(NamedTuple):
    """A text beside its original; the forms of a plural are on lines of their own."""

    english: str
    """Empty for the paragraphs of a letter, which are read as a whole."""
    translation: str
    """Empty if it is missing."""


@cache
def texts_by_group(code: str) -> Mapping[str, tuple[TranslatedText, ...]]:
    """Return the messages of the language *code* by their group; none without a translators' file."""
    found: dict[str, list[TranslatedText]] = {group: [] for group in GROUPS}
    for message in catalogue.read(code) if catalogue_file(code).exists() else ():
        if message.id:
            translation = catalogue.translations(message) if catalogue.is_translated(message) else ()
            text = TranslatedText("\n".join(catalogue.english(message)), "\n".join(translation))
            found[_group(file for file, _line in message.locations)].append(text)
    return {group: tuple(texts) for group, texts in found.items()}


def _group(files: Iterable[str]) -> str:
    used_in = tuple(files)
    matching = (
        group for group, beginnings in GROUPS.items() if any(file.startswith(beginnings) for file in used_in)
    )
    return next(matching, "organise")
