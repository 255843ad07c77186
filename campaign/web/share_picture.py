"""Draw the picture that a shared link shows: the sprig with the addressed State's blossom, and the call."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from threading import BoundedSemaphore, Lock

import resvg_py
from flask import render_template
from PIL import Image
from reportlab.pdfbase.ttfonts import TTFontFile

from campaign.paths import STATIC
from campaign.reference.sprig import BLOSSOMS, Bloom

MOST_PICTURES = 500
"""One for each State, and one of all, in eight languages: none is drawn twice. Each takes about 75 KB."""

MOST_WAITING = 3
"""Requests that draw a picture or wait for their turn; a web process has 16 threads."""

_DRAWN: dict["Card", bytes] = {}
_ONE_AT_A_TIME, _PLACES = Lock(), BoundedSemaphore(MOST_WAITING)

COLOURS = 128
"""Of the finished picture: with a palette it has a third of its bytes, and messengers refuse large ones."""

FONTS = STATIC / "fonts"
FACES = {weight: FONTS / "picture" / f"letter-serif-{weight}.ttf" for weight in (400, 600)}

FALLBACK = FONTS / "pdf" / "NotoSerif-Regular.ttf"
"""For letters of a content that is not in the campaign's languages, such as Greek."""

LINE = 1_080
"""Width of the longest line."""

HEADING_SIZES = (96, 84, 72, 62, 54, 46)
TEXT_SIZES = (30, 26)
"""The second for a text of more than two lines; then the heading is smaller too."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is written on a picture."""

    name: str
    """Of the campaign, beside its mark."""
    kicker: str
    """Above the heading; may be empty."""
    heading: str
    text: str
    state_code: str = ""
    """Whose blossom is open; without one, all are."""


def draw(card: Card) -> bytes | None:
    """Return the picture as PNG, drawn when it is first wanted; ``None`` while too many wait for theirs.

    It is a quarter of a second's work: requests for some dozens at once occupied all threads of the site.
    """
    found = _DRAWN.get(card)
    if found is not None or not _PLACES.acquire(blocking=False):
        return found
    try:
        with _ONE_AT_A_TIME:
            if card not in _DRAWN:
                if len(_DRAWN) >= MOST_PICTURES:
                    del _DRAWN[next(iter(_DRAWN))]
                _DRAWN[card] = _draw(card)
            return _DRAWN[card]
    finally:
        _PLACES.release()


def _draw(card: Card) -> bytes:
    is_short = len(_wrapped(card.text, LINE, TEXT_SIZES[0], 400)) <= 2
    text_size, sizes = (TEXT_SIZES[0], HEADING_SIZES) if is_short else (TEXT_SIZES[1], HEADING_SIZES[3:])
    size = heading_size(card.heading, sizes)
    svg = render_template(
        "share.svg",
        card=card,
        heading=_lines(card.heading, size, 600),
        heading_size=size,
        text=_lines(card.text, text_size, 400),
        text_size=text_size,
        addressed=BLOSSOMS.get(card.state_code),
        all_open=dict.fromkeys(BLOSSOMS, Bloom(count=1_000)),
    )
    drawn = resvg_py.svg_to_bytes(
        svg_string=svg, skip_system_fonts=True, font_files=[str(each) for each in (*FACES.values(), FALLBACK)]
    )
    return _with_palette(drawn)


def heading_size(text: str, sizes: Sequence[int] = HEADING_SIZES) -> int:
    """Return the largest of *sizes* in which *text* fits on one line, or the smallest."""
    return next((each for each in sizes if _width(text, each, 600) <= LINE), sizes[-1])


def _with_palette(png: bytes) -> bytes:
    picture, file = Image.open(io.BytesIO(png)).convert("RGB"), io.BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _lines(text: str, size: int, weight: int) -> list[str]:
    """Return *text* in as few lines as fit, of about the same length."""
    lines = _wrapped(text, LINE, size, weight)
    for narrower in range(LINE, LINE // 2, -20):
        balanced = _wrapped(text, narrower, size, weight)
        if len(balanced) > len(lines):
            break
        lines = balanced
    return lines


def _wrapped(text: str, widest: int, size: int, weight: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and _width(f"{lines[-1]} {word}", size, weight) <= widest:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _width(text: str, size: int, weight: int) -> float:
    face = _face(weight)
    return float(sum(face.charWidths.get(ord(each), face.defaultWidth) for each in text)) * size / 1_000


@cache
def _face(weight: int) -> TTFontFile:
    return TTFontFile(str(FACES[weight]))
