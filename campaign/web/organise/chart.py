"""Counts as SVG: drawn by the server, without script or inline style, so that the page's policy holds."""

from collections.abc import Sequence
from datetime import date, timedelta
from html import escape

from campaign.signature.count import Day

WIDTH, HEIGHT = 720, 200
BOTTOM, TOP, LEFT = 24, 12, 44
"""Room for dates below, the highest bar's breath above, and the scale at the left; in the drawing's units."""

MOST_BARS = 120
"""Days drawn at once; a longer campaign is drawn by weeks."""


def by_day(days: Sequence[Day], *, label: str) -> str:
    """Return the signatures confirmed, and below the line those withdrawn, per day or per week.

    The drawing is one image to a screen reader, called *label*, with its figures in its description.
    """
    bars = _bars(days)
    if not bars:
        return ""
    most = max(max(bar.confirmed for bar in bars), 1)
    deepest = max(bar.withdrawn for bar in bars)
    scale = (HEIGHT - BOTTOM - TOP) / (most + deepest)
    base = TOP + most * scale
    step = (WIDTH - LEFT) / len(bars)
    shapes = [
        f'<line class="chart-axis" x1="{LEFT}" y1="{base:.1f}" x2="{WIDTH}" y2="{base:.1f}"/>',
        f'<text class="chart-scale" x="{LEFT - 8}" y="{TOP + 4}" text-anchor="end">{most}</text>',
        f'<text class="chart-scale" x="{LEFT - 8}" y="{base + 4:.1f}" text-anchor="end">0</text>',
    ]
    for at, bar in enumerate(bars):
        x, width = LEFT + at * step + step * 0.1, max(min(step * 0.8, 28), 0.5)
        title = f"<title>{bar.on.isoformat()}: +{bar.confirmed} −{bar.withdrawn}</title>"
        if bar.confirmed:
            height = bar.confirmed * scale
            shapes.append(_rectangle("chart-confirmed", x, base - height, width, height, title))
        if bar.withdrawn:
            shapes.append(_rectangle("chart-withdrawn", x, base, width, bar.withdrawn * scale, title))
    shapes += _dates(bars, step)
    summary = ", ".join(f"{bar.on.isoformat()}: {bar.confirmed}/{bar.withdrawn}" for bar in bars[-14:])
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"<desc>{escape(summary)}</desc>{''.join(shapes)}</svg>"
    )


def _rectangle(name: str, x: float, y: float, width: float, height: float, title: str) -> str:
    return (
        f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
        f"{title}</rect>"
    )


def _dates(bars: Sequence[Day], step: float) -> list[str]:
    shown = sorted({0, len(bars) // 2, len(bars) - 1}) if len(bars) > 2 else range(len(bars))
    texts = []
    for at in shown:
        anchor = "end" if at == len(bars) - 1 and at else "start"
        x = WIDTH if anchor == "end" else LEFT + at * step
        texts.append(
            f'<text class="chart-date" x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">'
            f"{bars[at].on.isoformat()}</text>"
        )
    return texts


def _bars(days: Sequence[Day]) -> list[Day]:
    """Return one bar per day from the first to the last, those without signatures included."""
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
