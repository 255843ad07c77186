"""The fonts of the PDF files: which characters they print, and what becomes of those they do not."""

import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import cast

from anyascii import anyascii
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from campaign.paths import STATIC

FONTS = STATIC / "fonts" / "pdf"

MARK = "›*"
"""The end of every romanised text; a footnote explains it."""

MOST_MARKS = 3
"""Combining marks on one letter; real names have two, and a tower of them would cover the lines above."""

_registering = threading.Lock()


@dataclass(frozen=True, eq=False)
class Face:
    """A weight of our typeface, made of one font for each group of scripts."""

    fonts: tuple[tuple[str, frozenset[str]], ...]
    """Names and characters, in order of preference."""
    advances: dict[str, int]
    """Width of each character in thousandths of the size."""

    @property
    def main(self) -> str:
        """The font that most text is set in."""
        return self.fonts[0][0]

    def width(self, text: str, size: float) -> float:
        """Return the width of *text*, which must be :func:`printable`."""
        return sum(map(self.advances.__getitem__, text)) * size / 1000

    def runs(self, text: str) -> list[tuple[str, str]]:
        """Cut *text*, which must be :func:`printable`, into pieces of one font each."""
        if _plain().issuperset(text):
            return [(self.main, text)]
        joined = groupby(_by_font(text, self.fonts), key=lambda piece: piece[0] or self.main)
        return [(font, "".join(cluster for _, cluster in pieces)) for font, pieces in joined]


@cache
def regular() -> Face:
    """Return the upright face; Armenian and Georgian come from fonts of their own."""
    return _face("NotoSerif-Regular")


@cache
def bold() -> Face:
    """Return the bold face; headings in Armenian and Georgian are upright."""
    return _face("NotoSerif-Bold")


def printable(text: str) -> str:
    """Return *text* with what no font covers in Latin letters, as in ``‹Zhang Wei›*``.

    Line breaks become spaces. Control characters and those that change the direction of
    writing are left out: on paper they could only mislead.
    """
    if _plain().issuperset(text):
        return text
    text = unicodedata.normalize("NFC", "".join(_seen(character) for character in text))
    pieces = _by_font(text, regular().fonts)
    return "".join(
        "".join(clusters) if is_covered else _romanised("".join(clusters))
        for is_covered, clusters in _joined(pieces)
    )


def _romanised(text: str) -> str:
    inner = text.strip()
    latin = _latin(inner) or " ".join(f"U+{ord(character):04X}" for character in inner)
    return text.replace(inner, f"‹{latin}{MARK}", 1)


def _latin(text: str) -> str:
    """Return *text* in Latin letters, syllable by syllable where each has a sign of its own."""
    parts: list[str] = []
    was_syllable = False
    for character in text:
        latin = anyascii(character)
        # Chinese and Korean signs come out with a capital each; letters of an alphabet without case do not.
        is_syllable = unicodedata.category(character) == "Lo" and latin[:1].isupper()
        if (is_syllable or was_syllable) and latin[:1].isalnum():
            parts.append(" ")
        parts.append(latin)
        was_syllable = is_syllable
    return " ".join("".join(parts).split())


def _joined(pieces: Iterator[tuple[str | None, str]]) -> Iterator[tuple[bool, list[str]]]:
    """Join neighbours of a kind; a space between two words that no font covers is part of one text."""
    kinds = [(font is not None, cluster) for font, cluster in pieces]
    for at in range(1, len(kinds) - 1):
        if kinds[at][1] == " " and not kinds[at - 1][0] and not kinds[at + 1][0]:
            kinds[at] = (False, " ")
    for is_covered, group in groupby(kinds, key=lambda kind: kind[0]):
        yield is_covered, [cluster for _, cluster in group]


def _by_font(text: str, fonts: tuple[tuple[str, frozenset[str]], ...]) -> Iterator[tuple[str | None, str]]:
    """Yield each letter with its marks, and the first font that has them all."""
    for cluster in clusters(text):
        is_readable = len(cluster) <= MOST_MARKS + 1 and not unicodedata.combining(cluster[0])
        chosen = next((name for name, has in fonts if has.issuperset(cluster)), None) if is_readable else None
        yield chosen, cluster


def clusters(text: str) -> Iterator[str]:
    """Yield each letter of *text* with the marks on it."""
    start = 0
    for at in range(1, len(text)):
        if not unicodedata.category(text[at]).startswith("M"):
            yield text[start:at]
            start = at
    if text:
        yield text[start:]


def _seen(character: str) -> str:
    if character.isspace() and character != "\u00a0":
        return " "
    return "" if unicodedata.category(character) in {"Cc", "Cf", "Cs"} else character


@cache
def _plain() -> frozenset[str]:
    """Return the characters that print as they are, whatever stands beside them."""
    return frozenset(
        character
        for character in regular().fonts[0][1]
        if unicodedata.category(character)[0] not in "CM"
        and (character in " \u00a0" or not character.isspace())
        and unicodedata.normalize("NFC", character) == character
    )


def _face(main: str) -> Face:
    names = (main, "NotoSerifArmenian-Regular", "NotoSerifGeorgian-Regular")
    fonts = [_registered(name) for name in names]
    advances: dict[str, int] = {}
    for font in reversed(fonts):
        advances |= {chr(code): font.face.charWidths[code] for code in font.face.charToGlyph}
    return Face(
        tuple((name, _characters(font)) for name, font in zip(names, fonts, strict=True)),
        advances,
    )


def _registered(name: str) -> TTFont:
    with _registering:
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, str(FONTS / f"{name}.ttf")))
    return cast("TTFont", pdfmetrics.getFont(name))


def _characters(font: TTFont) -> frozenset[str]:
    # The replacement character would print as what it stands for: a character that is lost.
    return frozenset(map(chr, font.face.charToGlyph)) - {"\ufffd"}
