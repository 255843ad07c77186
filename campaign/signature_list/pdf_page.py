"""An A4 document written from the top down: lines, paragraphs, hairlines, and what stands on every page."""

import re
import threading
from collections.abc import Callable
from datetime import date
from typing import BinaryIO

from reportlab import rl_config
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.pdfgen.textobject import PDFTextObject

from campaign.reference.language import wording
from campaign.signature_list import font

WIDTH, HEIGHT = A4
LEFT, RIGHT = 25 * mm, WIDTH - 25 * mm
TOP, BOTTOM = HEIGHT - 28 * mm, 28 * mm
MEASURE = RIGHT - LEFT

INK, MUTED, HAIRLINE = 0.1, 0.4, 0.78
"""Greys, from 0 for black: text, what accompanies it, and rules."""

_PAGES = "pages"

_PART = re.compile(r"[^-]+-*|-+")
"""What a hyphen ends."""

# Streams as bytes, not as text: a quarter smaller, and every way a PDF travels carries bytes.
rl_config.useA85 = 0

# ReportLab reads glyphs through one cursor per font file, which all documents of a process share.
_saving = threading.Lock()


class Sheet:
    """The page being written, and the way to the next; ``y`` is where the next line stands.

    Every text passes through :func:`font.printable`, and ``romanised`` counts those that it had to change.
    """

    def __init__(
        self, file: BinaryIO, *, title: str, language: str, author: str = "", made_on: date | None = None
    ) -> None:
        self._wording = wording(language)
        self._canvas = Canvas(
            file,
            pagesize=A4,
            pageCompression=1,
            invariant=1,
            lang=language,
            initialFontName=font.regular().main,  # type: ignore[arg-type]  # the stubs call it a number
        )
        self._canvas.setTitle(title)
        self._canvas.setAuthor(author)
        self._canvas.setSubject("")
        self._canvas.setCreator("")
        if made_on:
            self._canvas.setDateFormatter(lambda *_: f"D:{made_on:%Y%m%d}")
        self._pen = PDFTextObject(self._canvas)
        self._set_in: tuple[str, float] | None = None
        self._grey: float | None = None
        self._ruled_in: tuple[float, float] | None = None
        self._has_footnote = False
        self.header = ""
        self.footer = ("", "")
        self.columns: Callable[[], None] | None = None
        """Draws the heads of a table's columns, again on each page that the table goes on to."""
        self.romanised = 0
        self.y = TOP
        self._begin()

    @property
    def canvas(self) -> Canvas:
        """ReportLab's canvas, for shapes."""
        return self._canvas

    def printable(self, text: str) -> str:
        """Return *text* as it can be printed; one in another script is counted."""
        shown = font.printable(text)
        if font.MARK in shown and font.MARK not in text:
            self.romanised += 1
        return shown

    def room(self, height: float) -> None:
        """Go to the next page unless *height* is left on this one."""
        if self.y - height < BOTTOM:
            self.next_page()

    def next_page(self) -> None:
        """End this page and begin another."""
        self._end()
        self._begin()

    def text(
        self,
        text: str,
        x: float = LEFT,
        *,
        size: float = 10,
        grey: float = INK,
        face: font.Face | None = None,
        align: float = 0,
    ) -> None:
        """Draw *text*, which must be printable, at the current height.

        Args:
            text: What to draw.
            x: Where it begins; with *align* 1 where it ends, with 0.5 its middle.
            size: In points.
            grey: From 0 for black.
            face: Regular unless told.
            align: The share of its width that stands before *x*.
        """
        face = face or font.regular()
        if align:
            x -= align * face.width(text, size)
        self._has_footnote = self._has_footnote or font.MARK in text
        pen = self._pen
        pen.setTextOrigin(x, self.y)
        if grey != self._grey:
            pen.setFillGray(grey)
            self._grey = grey
        *firsts, last = face.runs(text)
        for name, run in firsts:
            self._set(name, size)
            pen.textOut(run)
        self._set(last[0], size)
        # Quicker than textOut, which measures the text to know where a next one would begin.
        pen.textLine(last[1])

    def paragraph(
        self,
        text: str,
        *,
        x: float = LEFT,
        width: float = MEASURE,
        size: float = 10,
        leading: float = 15,
        grey: float = INK,
        face: font.Face | None = None,
        after: float = 0,
    ) -> None:
        """Write *text* in lines of *width*; a page ends or begins with no single line of it."""
        lines = wrap(self.printable(text), face or font.regular(), size, width)
        for at, line in enumerate(lines):
            left = len(lines) - at
            is_pair = len(lines) > 1 and (at == 0 or left == 2)
            self.room(leading * (3 if left == len(lines) == 3 else 2 if is_pair else 1))
            self.y -= leading
            self.text(line, x, size=size, grey=grey, face=face)
        self.y -= after

    def rule(
        self, *, x: float = LEFT, to: float = RIGHT, grey: float = HAIRLINE, weight: float = 0.4
    ) -> None:
        """Draw a hairline at the current height."""
        if (grey, weight) != self._ruled_in:
            self._canvas.setStrokeGray(grey)
            self._canvas.setLineWidth(weight)
            self._ruled_in = (grey, weight)
        self._canvas.line(x, self.y, to, self.y)

    def close(self) -> int:
        """Write the file and return the number of its pages."""
        self._end()
        pages = self._canvas.getPageNumber() - 1
        canvas = self._canvas
        canvas.beginForm(_PAGES, 0, -10, WIDTH, 20)
        canvas.setFont(font.regular().main, 7.5)
        canvas.setFillGray(MUTED)
        canvas.drawString(0, 0, f"/ {pages}")
        canvas.endForm()
        with _saving:
            canvas.save()
        return pages

    def _set(self, name: str, size: float) -> None:
        if (name, size) != self._set_in:
            self._pen.setFont(name, size)
            self._set_in = (name, size)

    def _begin(self) -> None:
        self._pen = PDFTextObject(self._canvas)
        self._set_in = None
        self._grey = None
        self._ruled_in = None
        self._has_footnote = False
        self.y = TOP
        if self.columns:
            self.columns()

    def _end(self) -> None:
        if self._has_footnote:
            self.y = BOTTOM - 16
            note = self._wording.gettext(
                "* What stands between ‹ and › was written in a script that this document cannot print; "
                "it is romanised."
            )
            self.text(note, size=7.5, grey=MUTED)
        if self.header:
            self.y = HEIGHT - 16 * mm
            self.text(self.header, size=7.5, grey=MUTED)
        self.y = 14 * mm
        self._feet()
        self._canvas.drawText(self._pen)
        # The number of pages is known at the end alone: it is drawn once, and shown on every page.
        self._canvas.saveState()
        self._canvas.translate(WIDTH / 2 + 2, self.y)
        self._canvas.doForm(_PAGES)
        self._canvas.restoreState()
        self._canvas.showPage()

    def _feet(self) -> None:
        left, right = map(font.printable, self.footer)
        self.text(left, size=7.5, grey=MUTED)
        self.text(str(self._canvas.getPageNumber()), WIDTH / 2, size=7.5, grey=MUTED, align=1)
        self.text(right, RIGHT, size=7.5, grey=MUTED, align=1)


def wrap(text: str, face: font.Face, size: float, width: float) -> list[str]:
    """Cut *text*, which must be printable, into lines of at most *width*."""
    if face.width(text, size) <= width:
        return [text]
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if face.width(longer, size) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = _cut(word, face, size, width)
        lines += full
    return [*lines, line]


def _cut(word: str, face: font.Face, size: float, width: float) -> list[str]:
    """Cut a word that is wider than a line, behind hyphens if it has any, or else anywhere."""
    pieces = [""]
    for part in _PART.findall(word):
        fits = face.width(part, size) <= width
        for each in [part] if fits else font.clusters(part):
            if pieces[-1] and face.width(pieces[-1] + each, size) > width:
                pieces.append("")
            pieces[-1] += each
    return pieces
