"""The document of a delivery: the letter, the cover, and the list of its signatories."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from campaign.errors import DeliveryError
from campaign.letter.sheet import Letter
from campaign.reference.language import wording
from campaign.sealing.code import grouped
from campaign.signature_list import pdf_cover, pdf_letter, pdf_list
from campaign.signature_list.cover import Cover
from campaign.signature_list.pdf_cover import figure
from campaign.signature_list.pdf_letter import write_letter
from campaign.signature_list.pdf_page import MUTED, Sheet
from campaign.signature_list.row import Row

__all__ = ["Report", "write_delivery", "write_letter"]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came out on paper."""

    pages: int
    names: int
    romanised: int
    """Names, towns, words and the like in a script that no font of ours covers."""


@dataclass(kw_only=True)
class _Rest:
    """Rows that cannot be printed when they are read."""

    other_editions: dict[int, list[Row]] = field(default_factory=dict)
    words: list[tuple[int, str]] = field(default_factory=list)


def write_delivery(
    file: BinaryIO,
    letter: Letter,
    cover: Cover,
    rows: Iterable[Row],
    *,
    edition: int,
    earlier: Mapping[int, Letter],
    language: str,
) -> Report:
    """Write letter, cover and list as one document.

    Args:
        file: Where to.
        letter: The one that is delivered.
        cover: What is said about the list.
        rows: In the order of the list, read once and not at all if names are withheld. A row without
            a name is not printed.
        edition: The number of *letter*'s edition.
        earlier: The text of each other edition that a row was signed under.
        language: The wording's.

    Raises:
        DeliveryError: A row was signed under an edition that *earlier* has no text of.
    """
    sheet = Sheet(
        file, title=letter.subject, author=cover.organisation, made_on=cover.made_on, language=language
    )
    names = lay_out(sheet, letter, cover, rows, edition=edition, earlier=earlier, language=language)
    return Report(pages=sheet.close(), names=names, romanised=sheet.romanised)


def lay_out(
    sheet: Sheet,
    letter: Letter,
    cover: Cover,
    rows: Iterable[Row],
    *,
    edition: int,
    earlier: Mapping[int, Letter],
    language: str,
) -> int:
    """Put one delegation's document on *sheet*, from the page it is on; return the number of names.

    Arguments and errors are those of :func:`write_delivery`. For several in one file, go to the
    next page between them.
    """
    sheet.header = ""
    mark = grouped(cover.code) or wording(language).gettext("Working copy")
    sheet.footer = (cover.state_name, mark)
    pdf_letter.lay_out(sheet, letter)
    sheet.next_page()
    sheet.header = _header(cover, language)
    pdf_cover.lay_out(sheet, cover, edition=edition, language=language)
    if cover.names_withheld:
        return 0
    return _lay_out_list(sheet, cover, rows, edition, earlier, language)


def _header(cover: Cover, language: str) -> str:
    _ = wording(language).gettext
    if not cover.code:
        return _("Working copy – for organisers only")
    return "" if cover.names_withheld else _("List of signatories – confidential: for the delegation only")


def _lay_out_list(
    sheet: Sheet,
    cover: Cover,
    rows: Iterable[Row],
    edition: int,
    earlier: Mapping[int, Letter],
    language: str,
) -> int:
    rest = _Rest()
    sheet.next_page()
    pdf_list.heading(sheet, wording(language).gettext("Signatories"))
    names = pdf_list.lay_out_table(sheet, _of_edition(rows, edition, rest), language)
    for number, signed in rest.other_editions.items():
        if number not in earlier:
            raise DeliveryError(f"The letter's edition {number} was signed, but its text is missing.")
        _lay_out_edition(sheet, number, earlier[number], language)
        names += pdf_list.lay_out_table(sheet, signed, language)
    _not_listed(sheet, cover.total - names, language)
    if rest.words:
        pdf_list.lay_out_own_words(sheet, rest.words, language)
    return names


def _of_edition(rows: Iterable[Row], edition: int, rest: _Rest) -> Iterator[Row]:
    """Yield the rows of *edition*, and put aside what is printed after them."""
    for row in rows:
        if not row.name:
            continue
        if row.words:
            rest.words.append((row.number, row.words))
        if row.edition == edition:
            yield row
        else:
            rest.other_editions.setdefault(row.edition, []).append(row)


def _lay_out_edition(sheet: Sheet, number: int, letter: Letter, language: str) -> None:
    _ = wording(language).gettext
    sheet.y -= 20
    pdf_list.heading(sheet, _("Signatories of another edition: %(number)s") % {"number": number})
    note = _("They signed the text that stands here, not the one at the beginning of this document.")
    sheet.paragraph(note, size=9, leading=13.5, grey=MUTED, after=10)
    pdf_letter.lay_out_text(sheet, letter, size=8.5, leading=12.5)
    sheet.y -= 16
    sheet.room(60)


def _not_listed(sheet: Sheet, number: int, language: str) -> None:
    if number <= 0:
        return
    sentence = wording(language).ngettext(
        "and %(number)s signature whose name is not on this list",
        "and %(number)s signatures whose names are not on this list",
        number,
    )
    sheet.y -= 6
    sheet.paragraph(
        sentence % {"number": figure(number, language)},
        size=9,
        leading=15,
        grey=MUTED,
        after=12,
    )
