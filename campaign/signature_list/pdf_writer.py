"""Write an A4 document from the top down: lines, paragraphs, hairlines, headers and footers."""

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
"""Grey levels from 0 (black) to 1 (white): main text, secondary text, hairlines."""

_PAGES = "pages"

_PART = re.compile(r"[^-]+-*|-+")
"""A part of a word up to and with its hyphen."""

# Binary streams instead of ASCII ones: the file is a quarter smaller.
rl_config.useA85 = 0

# ReportLab reads glyphs through one file position per font, which all documents of a process share.
_saving = threading.Lock()


class PdfWriter:
    """Writes at the height ``y`` of the current page, and begins new pages.

    Every text passes through :func:`font.printable`; ``romanised`` counts the texts that it changed.
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
        self._current_font: tuple[str, float] | None = None
        self._current_grey: float | None = None
        self._current_line: tuple[float, float] | None = None
        self._has_footnote = False
        self.header = ""
        self.footer = ("", "")
        self.table_head: Callable[[], None] | None = None
        """Draws the head of the current table; called again on each new page."""
        self.romanised = 0
        self.y = TOP
        self._begin_page()

    @property
    def canvas(self) -> Canvas:
        """ReportLab's canvas, for shapes."""
        return self._canvas

    def printable(self, text: str) -> str:
        """Return *text* in characters that can be printed; count it if it had to be romanised."""
        shown = font.printable(text)
        if font.MARK in shown and font.MARK not in text:
            self.romanised += 1
        return shown

    def reserve(self, height: float) -> None:
        """Begin the next page unless this one has *height* left."""
        if self.y - height < BOTTOM:
            self.next_page()

    def next_page(self) -> None:
        """End this page and begin another."""
        self._end_page()
        self._begin_page()

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
            x: Its left edge; its right edge if *align* is 1, its middle if 0.5.
            size: In points.
            grey: Level from 0 (black) to 1.
            face: Regular by default.
            align: Share of its width to the left of *x*.
        """
        face = face or font.regular()
        if align:
            x -= align * face.width(text, size)
        self._has_footnote = self._has_footnote or font.MARK in text
        pen = self._pen
        pen.setTextOrigin(x, self.y)
        if grey != self._current_grey:
            pen.setFillGray(grey)
            self._current_grey = grey
        *firsts, last = face.runs(text)
        for name, run in firsts:
            self._set_font(name, size)
            pen.textOut(run)
        self._set_font(last[0], size)
        # Faster than textOut, which also measures the text.
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
        """Write *text* in lines of *width*, without a single line of it at the end or start of a page."""
        lines = wrap(self.printable(text), face or font.regular(), size, width)
        for at, line in enumerate(lines):
            left = len(lines) - at
            is_pair = len(lines) > 1 and (at == 0 or left == 2)
            self.reserve(leading * (3 if left == len(lines) == 3 else 2 if is_pair else 1))
            self.y -= leading
            self.text(line, x, size=size, grey=grey, face=face)
        self.y -= after

    def hairline(
        self, *, x: float = LEFT, to: float = RIGHT, grey: float = HAIRLINE, weight: float = 0.4
    ) -> None:
        """Draw a hairline at the current height."""
        if (grey, weight) != self._current_line:
            self._canvas.setStrokeGray(grey)
            self._canvas.setLineWidth(weight)
            self._current_line = (grey, weight)
        self._canvas.line(x, self.y, to, self.y)

    def close(self) -> int:
        """Write the file; return its number of pages."""
        self._end_page()
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

    def _set_font(self, name: str, size: float) -> None:
        if (name, size) != self._current_font:
            self._pen.setFont(name, size)
            self._current_font = (name, size)

    def _begin_page(self) -> None:
        self._pen = PDFTextObject(self._canvas)
        self._current_font = None
        self._current_grey = None
        self._current_line = None
        self._has_footnote = False
        self.y = TOP
        if self.table_head:
            self.table_head()

    def _end_page(self) -> None:
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
        self._footer()
        self._canvas.drawText(self._pen)
        # The number of pages is known only at the end: close() draws it once, and every page shows that.
        self._canvas.saveState()
        self._canvas.translate(WIDTH / 2 + 2, self.y)
        self._canvas.doForm(_PAGES)
        self._canvas.restoreState()
        self._canvas.showPage()

    def _footer(self) -> None:
        left, right = map(font.printable, self.footer)
        self.text(left, size=7.5, grey=MUTED)
        self.text(str(self._canvas.getPageNumber()), WIDTH / 2, size=7.5, grey=MUTED, align=1)
        self.text(right, RIGHT, size=7.5, grey=MUTED, align=1)


def wrap(text: str, face: font.Face, size: float, width: float) -> list[str]:
    """Break *text*, which must be printable, into lines of at most *width*."""
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
    """Break a word that is wider than a line: after hyphens if possible, else anywhere."""
    pieces = [""]
    for part in _PART.findall(word):
        fits = face.width(part, size) <= width
        for each in [part] if fits else font.clusters(part):
            if pieces[-1] and face.width(pieces[-1] + each, size) > width:
                pieces.append("")
            pieces[-1] += each
    return pieces
