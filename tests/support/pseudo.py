"""A made-up language for finding what is not translated: the English in angle quotation marks.

It takes the place of Russian. So States, places, days and months are in Cyrillic, what a message says is
between the marks, and Latin letters anywhere else were written by code or templates without a message.
Placeholders stand outside the marks: what is put into them is checked too.
"""

import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import write_po

from campaign.reference.language import wording
from tests.support.messages import HEADER, PLURAL_FORMS, extracted
from tests.support.translated import add_texts, english_folder

CODE = "ru"

LETTER = """\
{{ state }}

Subject: «Subject of the letter»

«Your Excellency»,

«The first paragraph.»

«Yours»
"""

_PIECES = re.compile(r"(<[^>]*>|%\(\w+\)[sd]|%%)")
_LETTERS = re.compile(r"[^\W\d_]")
_MARKED = re.compile(r"«[^«»]*»")
_LATIN = re.compile(r"(?<![0-9A-Za-z])[A-Za-z][A-Za-z’'-]++(?!\d)")
"""Words, but no parts of hashes and codes."""

_SAID = ("alt", "aria-label", "data-copied", "data-left", "label", "placeholder", "title")
"""Attributes whose values people read or hear."""

_SAID_BY_META = frozenset({"description", "og:description", "og:image:alt", "og:site_name", "og:title"})

_VOID = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "use", "wbr"})


def marked(text: str) -> str:
    """Return *text* in marks, but for its tags and placeholders."""
    return "".join(f"«{piece}»" if _is_words(piece) else piece for piece in _PIECES.split(text))


def write_folder(folder: Path) -> Path:
    """Write a campaign's folder in English and the made-up language; return it."""
    english_folder(folder)
    add_texts(folder, CODE, lambda text: f"«{text}»")
    (folder / "letters" / f"{CODE}.txt").write_text(LETTER, encoding="utf-8")
    return folder


def write_catalogue(folder: Path) -> None:
    """Write the message catalogue under *folder*, which takes the place of all catalogues."""
    catalogue = Catalog(locale=CODE, fuzzy=False)
    for message in extracted():
        if message.id:
            catalogue.add(message.id, _translated(message), context=message.context)
    text = BytesIO()
    write_po(text, catalogue, omit_header=True)
    path = folder / CODE / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    path.write_text(
        HEADER.format(code=CODE, plural_forms=PLURAL_FORMS[CODE]) + text.getvalue().decode().lstrip()
    )
    wording.cache_clear()


def untranslated(text: str) -> set[str]:
    """Return the words of *text* in Latin letters outside the marks."""
    return set(_LATIN.findall(_MARKED.sub(" ", text)))


def untranslated_on(page: str) -> set[str]:
    """Return the same of what people read or hear of the HTML *page*."""
    reader = _Reader()
    reader.feed(page)
    return {word for text in reader.texts for word in untranslated(text)}


def _is_words(piece: str) -> bool:
    return bool(_LETTERS.search(piece)) and not _PIECES.fullmatch(piece)


def _translated(message: Message) -> str | tuple[str, ...]:
    if isinstance(message.id, str):
        return marked(message.id)
    one, other = message.id
    return (marked(one), marked(other), marked(other))


class _Reader(HTMLParser):
    """Collects texts, but for codes, names, and what is marked as being in another language."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[tuple[str, bool]] = []
        """The elements around the text, and whether each one's text is data."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_data = (
            tag in {"bdi", "code", "pre", "script", "style", "textarea"}
            or given.get("translate") == "no"
            or given.get("lang", CODE) != CODE
            or any(is_data for _tag, is_data in self.open)
        )
        if not is_data:
            self.texts += [value for name, value in given.items() if name in _SAID]
            if {given.get("name"), given.get("property")} & _SAID_BY_META:
                self.texts.append(given.get("content", ""))
        if tag not in _VOID:
            self.open.append((tag, is_data))

    def handle_endtag(self, tag: str) -> None:
        while any(tag == each for each, _is_data in self.open):
            if self.open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        if not any(is_data for _tag, is_data in self.open):
            self.texts.append(data)
