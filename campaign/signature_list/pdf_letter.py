"""The letter as a PDF, laid out for A4 and window envelopes."""

from typing import BinaryIO

from reportlab.lib.units import mm

from campaign.letter.sheet import Items, Letter, Paragraph
from campaign.reference.language import wording
from campaign.signature_list import font, pdf_sprig
from campaign.signature_list.pdf_writer import HAIRLINE, HEIGHT, LEFT, MEASURE, MUTED, RIGHT, PdfWriter, wrap

ADDRESS_TOP = HEIGHT - 45 * mm
"""Height of the address in a window envelope."""

INDENT = 14
"""Indent of items and of a signatory's words, in points."""


def write_letter(file: BinaryIO, letter: Letter, *, words: str = "") -> None:
    """Write *letter* with the signatory's own *words*; the same letter gives the same bytes."""
    pdf = PdfWriter(file, title=letter.subject, language=letter.language)
    lay_out(pdf, letter, words=words)
    pdf.close()


def lay_out(pdf: PdfWriter, letter: Letter, *, words: str = "") -> None:
    """Write *letter* with its address block on the current page, and on further pages if it is long."""
    pdf_sprig.draw(pdf, letter.state_code)
    pdf.y = ADDRESS_TOP
    for line in letter.address:
        pdf.paragraph(line, leading=14.5)
    pdf.y -= 15 * mm
    lay_out_text(pdf, letter, words=words, size=10, leading=15)


def lay_out_text(pdf: PdfWriter, letter: Letter, *, words: str = "", size: float, leading: float) -> None:
    """Write *letter* from its subject to its closing."""
    gap = leading * 0.6
    pdf.paragraph(letter.subject, size=size, leading=leading, face=font.bold(), after=gap * 1.5)
    pdf.paragraph(letter.salutation, size=size, leading=leading, after=gap)
    closing = (leading + gap) * len(letter.closing) + gap
    for block in letter.body:
        if block is letter.body[-1] and isinstance(block, Paragraph):  # no page has the closing alone
            pdf.reserve(closing + gap + leading * _lines(block.text, MEASURE, size))
        if isinstance(block, Items):
            for item in block.items:
                _item(pdf, item, size, leading)
            pdf.y -= gap * 0.6
        else:
            pdf.paragraph(block.text, size=size, leading=leading, after=gap)
    if words.strip():
        _words(pdf, words, letter.language, size, leading)
    pdf.reserve(closing)
    pdf.y -= gap
    for line in letter.closing:
        pdf.paragraph(line, size=size, leading=leading, after=gap)


def lay_out_words(pdf: PdfWriter, words: str, *, x: float, size: float, leading: float) -> None:
    """Write a signatory's own words, paragraph by paragraph, from *x* to the right margin."""
    for paragraph in filter(None, map(str.strip, words.splitlines())):
        pdf.paragraph(
            paragraph,
            x=x,
            width=RIGHT - x,
            size=size,
            leading=leading,
            after=leading * 0.4,
        )


def _lines(text: str, width: float, size: float) -> int:
    return len(wrap(font.printable(text), font.regular(), size, width))


def _item(pdf: PdfWriter, text: str, size: float, leading: float) -> None:
    """Write one item behind a dash, all of it on one pdf."""
    width = MEASURE - INDENT
    pdf.reserve(leading * _lines(text, width, size))
    pdf.y -= leading
    pdf.text("–", size=size, grey=MUTED)
    pdf.y += leading
    pdf.paragraph(text, x=LEFT + INDENT, width=width, size=size, leading=leading, after=leading * 0.25)


def _words(pdf: PdfWriter, words: str, language: str, size: float, leading: float) -> None:
    _ = wording(language).gettext
    pdf.reserve(leading * 4)
    pdf.y -= leading * 0.5
    pdf.hairline(to=LEFT + 60, grey=HAIRLINE)
    heading = _("In the signatory’s own words:")
    pdf.paragraph(heading, size=size - 1, leading=leading, grey=MUTED, after=leading * 0.2)
    lay_out_words(pdf, words, x=LEFT + INDENT, size=size, leading=leading)
    pdf.y -= leading * 0.2
