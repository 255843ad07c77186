"""The fonts of the PDF files: which characters they cover, and romanisation of all others."""

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
from campaign.reference.normal_form import normal_form

FONTS = STATIC / "fonts" / "pdf"

MARK = "›*"
"""The end of every romanised text; a footnote explains it."""

MOST_MARKS = 3
"""Combining marks on one letter. Real names have at most two; many would cover the lines above."""

_registering = threading.Lock()


@dataclass(frozen=True, eq=False)
class Face:
    """One weight of the typeface, made of one font for each group of scripts."""

    fonts: tuple[tuple[str, frozenset[str]], ...]
    """Name and characters of each font, in order of preference."""
    advances: dict[str, int]
    """Width of each character in thousandths of the size."""

    @property
    def main(self) -> str:
        """The name of the font for most text."""
        return self.fonts[0][0]

    def width(self, text: str, size: float) -> float:
        """Return the width of *text*, which must be :func:`printable`."""
        return sum(map(self.advances.__getitem__, text)) * size / 1000

    def runs(self, text: str) -> list[tuple[str, str]]:
        """Cut *text*, which must be :func:`printable`, into runs of one font each."""
        if _plain().issuperset(text):
            return [(self.main, text)]
        joined = groupby(_by_font(text, self.fonts), key=lambda piece: piece[0] or self.main)
        return [(font, "".join(cluster for _, cluster in pieces)) for font, pieces in joined]


@cache
def regular() -> Face:
    """Return the regular face."""
    return _face("NotoSerif-Regular")


@cache
def bold() -> Face:
    """Return the bold face; Armenian and Georgian are regular in it."""
    return _face("NotoSerif-Bold")


def printable(text: str) -> str:
    """Return *text* with characters that no font covers in Latin letters, as in ``‹Zhang Wei›*``.

    Line breaks become spaces. Control characters and those that change the writing direction
    are removed, as they could only mislead.
    """
    if _plain().issuperset(text):
        return text
    text = normal_form("NFC", "".join(_visible(character) for character in text))
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
    """Return *text* in Latin letters, with spaces between syllables where each has its own sign."""
    parts: list[str] = []
    was_syllable = False
    for character in text:
        latin = anyascii(character)
        # anyascii begins each Chinese or Korean sign with a capital, but no letter of an alphabet.
        is_syllable = unicodedata.category(character) == "Lo" and latin[:1].isupper()
        if (is_syllable or was_syllable) and latin[:1].isalnum():
            parts.append(" ")
        parts.append(latin)
        was_syllable = is_syllable
    return " ".join("".join(parts).split())


def _joined(pieces: Iterator[tuple[str | None, str]]) -> Iterator[tuple[bool, list[str]]]:
    """Join covered neighbours and uncovered ones; a space between two uncovered words is uncovered too."""
    kinds = [(font is not None, cluster) for font, cluster in pieces]
    for at in range(1, len(kinds) - 1):
        if kinds[at][1] == " " and not kinds[at - 1][0] and not kinds[at + 1][0]:
            kinds[at] = (False, " ")
    for is_covered, group in groupby(kinds, key=lambda kind: kind[0]):
        yield is_covered, [cluster for _, cluster in group]


def _by_font(text: str, fonts: tuple[tuple[str, frozenset[str]], ...]) -> Iterator[tuple[str | None, str]]:
    """Yield each letter with its marks, and the first font that covers them, or ``None``."""
    for cluster in clusters(text):
        is_readable = len(cluster) <= MOST_MARKS + 1 and not unicodedata.combining(cluster[0])
        chosen = next((name for name, has in fonts if has.issuperset(cluster)), None) if is_readable else None
        yield chosen, cluster


def clusters(text: str) -> Iterator[str]:
    """Yield each letter of *text* with its combining marks."""
    start = 0
    for at in range(1, len(text)):
        if not unicodedata.category(text[at]).startswith("M"):
            yield text[start:at]
            start = at
    if text:
        yield text[start:]


def _visible(character: str) -> str:
    if character.isspace() and character != "\u00a0":
        return " "
    return "" if unicodedata.category(character) in {"Cc", "Cf", "Cs"} else character


@cache
def _plain() -> frozenset[str]:
    """Return the characters that print unchanged, next to any other."""
    return frozenset(
        character
        for character in regular().fonts[0][1]
        if unicodedata.category(character)[0] not in "CM"
        and (character in " \u00a0" or not character.isspace())
        and normal_form("NFC", character) == character
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
    # Without U+FFFD, which would hide that a character was lost.
    return frozenset(map(chr, font.face.charToGlyph)) - {"\ufffd"}
