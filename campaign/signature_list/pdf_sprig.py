"""The campaign's sprig as a letterhead: the blossom of the addressed State is open."""

from collections.abc import Sequence

from reportlab.lib.colors import HexColor
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from campaign.reference import sprig
from campaign.signature_list.pdf_writer import HEIGHT, RIGHT, PdfWriter

PRINTED_WIDTH = 58 * mm
TOP_MARGIN = 12 * mm

_STEM, _FEATHER, _POLLEN = HexColor("#6f6a3c"), HexColor("#aab39a"), HexColor("#f5c518")
_BUD, _BUD_EDGE = HexColor("#fdf2c9"), HexColor("#8a6800")

_RIB = ((0.0, 0.0), (100.0, 0.0))


def draw(pdf: PdfWriter, state_code: str) -> None:
    """Draw the sprig at the top right of the current page."""
    canvas, scale = pdf.canvas, PRINTED_WIDTH / sprig.WIDTH
    canvas.saveState()
    canvas.translate(RIGHT - PRINTED_WIDTH, HEIGHT - TOP_MARGIN)
    canvas.scale(scale, -scale)  # the drawing's heights grow downwards
    canvas.setLineCap(1)
    _draw_leaves(canvas)
    canvas.setStrokeColor(_STEM)
    _draw_curves(canvas, [sprig.STEM], line_width=3)
    _draw_curves(canvas, sprig.STALKS, line_width=1.8)
    canvas.setStrokeColor(_BUD_EDGE)
    canvas.setLineWidth(1.4)
    for code, blossom in sprig.BLOSSOMS.items():
        is_open = code == state_code
        canvas.setFillColor(_POLLEN if is_open else _BUD)
        canvas.circle(blossom.x, blossom.y, blossom.radius * (1.5 if is_open else 1), stroke=1, fill=1)
    canvas.restoreState()


def _draw_leaves(canvas: Canvas) -> None:
    canvas.setStrokeColor(_FEATHER)
    canvas.setLineWidth(1.6)
    path = canvas.beginPath()
    for leaf in sprig.LEAVES:
        for start, end in (_RIB, *sprig.PINNAE):
            path.moveTo(*leaf.at(start))
            path.lineTo(*leaf.at(end))
    canvas.drawPath(path)


def _draw_curves(canvas: Canvas, curves: Sequence[Sequence[Sequence[float]]], *, line_width: float) -> None:
    canvas.setLineWidth(line_width)
    path = canvas.beginPath()
    for start, *rest in curves:
        path.moveTo(*start)
        path.curveTo(*(number for point in rest for number in point))
    canvas.drawPath(path)
