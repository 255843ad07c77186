"""The table of signatories and their own words, as PDF."""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from campaign.reference import residence
from campaign.reference.language import language_name, wording
from campaign.signature_list import font
from campaign.signature_list.entry import ListEntry
from campaign.signature_list.pdf_letter import lay_out_words
from campaign.signature_list.pdf_writer import LEFT, MUTED, RIGHT, PdfWriter, wrap

NUMBER = LEFT + 34
"""Right edge of the numbers. The columns after it are name, town and residence."""

COLUMNS = (LEFT + 46, LEFT + 228, LEFT + 342)
GAP = 10

SIZE, HEAD_SIZE = 9, 7.5
ROW, LEADING = 15.5, 11.5
"""Height of a row of one line, and of each further line, in points."""

_WIDTHS = tuple(end - begin - GAP for begin, end in zip(COLUMNS, (*COLUMNS[1:], RIGHT + GAP), strict=True))


def lay_out_table(pdf: PdfWriter, entries: Iterable[ListEntry], language: str) -> int:
    """Write a table row for each of *entries*; return their number."""
    residence_name = cache(lambda code: residence.name(code, language))
    written = 0
    _head(pdf, language)
    pdf.table_head = lambda: _head(pdf, language)
    for entry in entries:
        _row(pdf, entry, residence_name(entry.residence))
        written += 1
    pdf.table_head = None
    return written


class OwnWords(NamedTuple):
    """What a signatory wrote."""

    number: int
    """Of the signatory on the list."""
    language: str
    text: str


def lay_out_own_words(pdf: PdfWriter, words: Iterable[OwnWords], language: str) -> None:
    """Write signatories' own words, each under its number on the list.

    Words in another language than the document's are headed by the name of their language.
    """
    _ = wording(language).gettext
    heading(pdf, _("In the signatories’ own words"))
    note = _(
        "What follows was written by signatories: it is theirs, not the campaign’s. "
        "The numbers are those of the list."
    )
    pdf.paragraph(note, size=SIZE, leading=13.5, grey=MUTED, after=10)
    for number, written_in, text in words:
        pdf.reserve(42)
        pdf.y -= 14
        pdf.text(str(number), NUMBER, size=HEAD_SIZE, grey=MUTED, align=1)
        pdf.y += 14
        if written_in != language:
            name = _("Language: %(language)s") % {"language": language_name(written_in, language)}
            pdf.paragraph(name, x=COLUMNS[0], size=HEAD_SIZE, leading=14, grey=MUTED)
        lay_out_words(pdf, text, x=COLUMNS[0], size=9.5, leading=14)
        pdf.y -= 4


def heading(pdf: PdfWriter, text: str) -> None:
    """Write a heading on the current page, or on the next if little space is left."""
    pdf.reserve(110)
    pdf.y -= 6
    pdf.paragraph(text, size=14, leading=20, after=8)


def _head(pdf: PdfWriter, language: str) -> None:
    _ = wording(language).gettext
    pdf.y -= 10
    pdf.text(_("No."), NUMBER, size=HEAD_SIZE, grey=MUTED, align=1)
    for x, head in zip(COLUMNS, (_("Name"), _("Town"), _("Residence")), strict=True):
        pdf.text(head, x, size=HEAD_SIZE, grey=MUTED)
    pdf.y -= 5
    pdf.hairline(grey=MUTED, weight=0.6)


def _row(pdf: PdfWriter, entry: ListEntry, residence_name: str) -> None:
    cells = [
        wrap(pdf.printable(text), font.regular(), SIZE, width)
        for text, width in zip((entry.name, entry.town, residence_name), _WIDTHS, strict=True)
    ]
    height = ROW + LEADING * (max(map(len, cells)) - 1)
    pdf.reserve(height)
    top = pdf.y
    pdf.y = top - LEADING + 0.5
    pdf.text(str(entry.number), NUMBER, size=SIZE, grey=MUTED, align=1)
    for x, lines in zip(COLUMNS, cells, strict=True):
        pdf.y = top - LEADING + 0.5
        for line in lines:
            if line:
                pdf.text(line, x, size=SIZE)
            pdf.y -= LEADING
    pdf.y = top - height
    pdf.hairline()
