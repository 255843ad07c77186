"""Draw daily counts as SVG, without script or inline style: the content security policy forbids both."""

from collections.abc import Sequence
from datetime import date, timedelta
from html import escape

from campaign.reference import notation
from campaign.signature.count import Day

WIDTH, HEIGHT = 720, 200
BOTTOM, TOP, LEFT = 24, 12, 44
"""Margins, in the drawing's units: for the dates, above the highest bar, and for the scale."""

MOST_BARS = 120
"""Days that get a bar each; a longer campaign is drawn by weeks."""


def by_day(days: Sequence[Day], *, label: str, language: str) -> str:
    """Draw the signatures confirmed, and below the line those withdrawn, per day or per week.

    A screen reader reads it as one image with the name *label* and its latest figures as description.
    Days and numbers are written as *language* writes them.
    """
    bars = _bars(days)
    if not bars:
        return ""
    most = max(max(bar.confirmed for bar in bars), 1)
    deepest = max(bar.withdrawn for bar in bars)
    scale = (HEIGHT - BOTTOM - TOP) / (most + deepest)
    base = TOP + most * scale
    step = (WIDTH - LEFT) / len(bars)
    shapes = _axis(base, notation.number(most, language))
    for at, bar in enumerate(bars):
        x, width = LEFT + at * step + step * 0.1, max(min(step * 0.8, 28), 0.5)
        shapes += _rectangles(bar, x, width, base, scale, _figures(bar, language))
    shapes += _dates(bars, step, language)
    summary = "; ".join(_figures(bar, language) for bar in bars[-14:])
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"<desc>{escape(summary)}</desc>{''.join(shapes)}</svg>"
    )


def _figures(bar: Day, language: str) -> str:
    confirmed, withdrawn = notation.number(bar.confirmed, language), notation.number(bar.withdrawn, language)
    return f"{notation.short_day(bar.on, language)}{notation.mark(':', language)} +{confirmed} −{withdrawn}"


def _axis(base: float, most: str) -> list[str]:
    return [
        f'<line class="chart-axis" x1="{LEFT}" y1="{base:.1f}" x2="{WIDTH}" y2="{base:.1f}"/>',
        f'<text class="chart-scale" x="{LEFT - 8}" y="{TOP + 4}" text-anchor="end">{most}</text>',
        f'<text class="chart-scale" x="{LEFT - 8}" y="{base + 4:.1f}" text-anchor="end">0</text>',
    ]


def _rectangles(bar: Day, x: float, width: float, base: float, scale: float, figures: str) -> list[str]:
    title = f"<title>{escape(figures)}</title>"
    up, down = bar.confirmed * scale, bar.withdrawn * scale
    rectangles = (("chart-confirmed", base - up, up), ("chart-withdrawn", base, down))
    return [
        f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
        f"{title}</rect>"
        for name, y, height in rectangles
        if height
    ]


def _dates(bars: Sequence[Day], step: float, language: str) -> list[str]:
    shown = sorted({0, len(bars) // 2, len(bars) - 1}) if len(bars) > 2 else range(len(bars))
    texts = []
    for at in shown:
        anchor = "end" if at == len(bars) - 1 and at else "start"
        x = WIDTH if anchor == "end" else LEFT + at * step
        texts.append(
            f'<text class="chart-date" x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">'
            f"{escape(notation.short_day(bars[at].on, language))}</text>"
        )
    return texts


def _bars(days: Sequence[Day]) -> list[Day]:
    """Return one bar per day or week from the first to the last, with those without signatures."""
    if not days:
        return []
    first, last = days[0].on, days[-1].on
    length = (last - first).days + 1
    width = 1 if length <= MOST_BARS else 7
    sums: dict[date, list[int]] = {first + timedelta(days=at): [0, 0] for at in range(0, length, width)}
    for day in days:
        start = first + timedelta(days=(day.on - first).days // width * width)
        sums[start][0] += day.confirmed
        sums[start][1] += day.withdrawn
    return [Day(on, confirmed, withdrawn) for on, (confirmed, withdrawn) in sums.items()]
