"""The letter as a PDF: an A4 sheet laid out as a delegation expects a letter."""

from typing import BinaryIO

from reportlab.lib.units import mm

from campaign.letter.sheet import Items, Letter
from campaign.reference.language import wording
from campaign.signature_list import font
from campaign.signature_list.pdf_page import HAIRLINE, HEIGHT, LEFT, MEASURE, MUTED, RIGHT, Sheet, wrap

ADDRESS_TOP = HEIGHT - 45 * mm
"""Where a window envelope shows the address."""

INDENT = 14
"""Points that items and a signatory's words stand in from the margin."""


def write_letter(file: BinaryIO, letter: Letter, *, words: str = "") -> None:
    """Write *letter* with the signatory's own *words*; the same letter gives the same bytes."""
    sheet = Sheet(file, title=letter.subject, language=letter.language)
    lay_out(sheet, letter, words=words)
    sheet.close()


def lay_out(sheet: Sheet, letter: Letter, *, words: str = "") -> None:
    """Put *letter* on a page of its own, with its address block, and on as many more as it needs."""
    sheet.y = ADDRESS_TOP
    for line in letter.address:
        sheet.paragraph(line, leading=14.5)
    sheet.y -= 15 * mm
    lay_out_text(sheet, letter, words=words, size=10, leading=15)


def lay_out_text(sheet: Sheet, letter: Letter, *, words: str = "", size: float, leading: float) -> None:
    """Write *letter* from its subject to its closing."""
    gap = leading * 0.6
    sheet.paragraph(letter.subject, size=size, leading=leading, face=font.bold(), after=gap * 1.5)
    sheet.paragraph(letter.salutation, size=size, leading=leading, after=gap)
    for block in letter.body:
        if isinstance(block, Items):
            for item in block.items:
                _item(sheet, item, size, leading)
            sheet.y -= gap * 0.6
        else:
            sheet.paragraph(block.text, size=size, leading=leading, after=gap)
    if words.strip():
        _words(sheet, words, letter.language, size, leading)
    sheet.room((leading + gap) * len(letter.closing) + gap)
    sheet.y -= gap
    for line in letter.closing:
        sheet.paragraph(line, size=size, leading=leading, after=gap)


def lay_out_words(sheet: Sheet, words: str, *, x: float, size: float, leading: float) -> None:
    """Write what a signatory wrote, paragraph by paragraph, set in from the margin."""
    for paragraph in filter(None, map(str.strip, words.splitlines())):
        sheet.paragraph(
            paragraph,
            x=x,
            width=RIGHT - x,
            size=size,
            leading=leading,
            after=leading * 0.4,
        )


def _item(sheet: Sheet, text: str, size: float, leading: float) -> None:
    """Write one item behind a dash, all of it on one page."""
    width = MEASURE - INDENT
    height = leading * len(wrap(font.printable(text), font.regular(), size, width))
    sheet.room(height)
    sheet.y -= leading
    sheet.text("–", size=size, grey=MUTED)
    sheet.y += leading
    sheet.paragraph(text, x=LEFT + INDENT, width=width, size=size, leading=leading, after=leading * 0.25)


def _words(sheet: Sheet, words: str, language: str, size: float, leading: float) -> None:
    _ = wording(language).gettext
    sheet.room(leading * 4)
    sheet.y -= leading * 0.5
    sheet.rule(to=LEFT + 60, grey=HAIRLINE)
    heading = _("In the signatory’s own words:")
    sheet.paragraph(heading, size=size - 1, leading=leading, grey=MUTED, after=leading * 0.2)
    lay_out_words(sheet, words, x=LEFT + INDENT, size=size, leading=leading)
    sheet.y -= leading * 0.2
