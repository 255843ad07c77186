"""The campaign's sign: a sprig of mimosa with 57 blossoms, one for each participating State.

The drawing in numbers, for whatever draws it: SVG on pages, PDF, the pictures of shared links. The origin
is at the top left; the blossoms are drawn last, over leaves, stem and stalks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, pi, radians, sin
from types import MappingProxyType

from campaign.reference.participating_state import STATES

WIDTH, HEIGHT = 612, 296

Point = tuple[float, float]

FULL_BLOOM = 4
"""The last step: a blossom in full bloom."""

_FIRST_OF_STEP = (1, 10, 100, 1_000)


@dataclass(frozen=True)
class Blossom:
    """The place of a State's blossom on the sprig, and its radius."""

    x: int
    y: int
    radius: int


@dataclass(frozen=True)
class Leaf:
    """A feathered leaf: :data:`PINNAE`, turned, scaled and moved to where it grows."""

    x: int
    y: int
    degrees: int
    scale: float

    def at(self, point: Point) -> Point:
        """Return where a *point* of the leaf lies on the sprig."""
        angle, x, y = radians(self.degrees), *(self.scale * each for each in point)
        return self.x + x * cos(angle) - y * sin(angle), self.y + x * sin(angle) + y * cos(angle)


@dataclass(frozen=True)
class Bloom:
    """What has become of the letter to one State, as its blossom shows it."""

    count: int = 0
    is_delivered: bool = False
    is_replied: bool = False

    @property
    def step(self) -> int:
        """How far the blossom has opened: 0 in bud; from 1, 10, 100 and 1,000 signatures one step more."""
        return sum(self.count >= first for first in _FIRST_OF_STEP)


def _numbers(text: str) -> list[list[int]]:
    return [[int(number) for number in each.split(",")] for each in text.split()]


_BLOSSOMS = """
547,153,13 518,151,12 529,178,11 502,184,11 516,207,10 500,218,9 489,106,13 506,82,12
480,76,10 493,60,9 453,150,13 423,152,12 440,176,12 413,186,11 430,208,10 406,219,10
413,237,9 382,108,13 395,82,12 368,79,11 386,60,10 367,57,9 361,157,13 332,165,12
352,187,11 328,203,11 346,223,10 335,239,9 269,131,13 277,102,12 249,104,11 262,81,10
242,81,9 256,181,13 230,191,12 253,208,11 231,225,11 253,239,10 243,256,9 159,176,13
162,146,12 136,153,11 145,128,10 125,133,9 156,221,13 132,234,12 157,246,11 138,265,10
153,278,9 66,233,13 60,203,11 39,206,9 73,257,10 47,248,9 48,271,9 25,266,8
18,283,7
"""
"""Place and radius of each blossom, from the thick end of the stem to its tip."""

_CURVES = """
610,136 460,88 222,116 22,280
567,125 533,131 514,183 501,215
516,117 497,107 492,75 491,65
472,115 433,130 423,192 413,234
414,117 388,109 377,70 372,59
372,122 339,141 339,197 335,237
304,136 275,132 257,91 247,82
260,149 235,170 242,217 243,253
193,174 166,175 142,139 130,133
152,194 136,213 146,247 151,276
92,229 73,232 51,208 42,206
"""
"""Cubic curves (start, two control points, end): the stem, then the stalks."""

_LEAVES = """
596,132,-132,128 587,129,-200,120 542,120,-128,112 510,117,-215,132 449,115,217,124 414,117,129,118
350,125,210,120 316,133,123,104 241,155,200,104 209,167,117,92 136,203,191,84 108,219,113,80
"""
"""Where each leaf grows, its angle in degrees, and its length in hundredths."""

BLOSSOMS: Mapping[str, Blossom] = MappingProxyType(
    {code: Blossom(*numbers) for code, numbers in zip(STATES, _numbers(_BLOSSOMS), strict=True)}
)
"""The blossom of each State by its code; the States follow each other by their English names."""

STEM, *STALKS = [_numbers(line) for line in _CURVES.strip().split("\n")]

LEAVES = [Leaf(x, y, degrees, length / 100) for x, y, degrees, length in _numbers(_LEAVES)]


def _pinnae() -> list[tuple[Point, Point]]:
    pairs, found = 10, []
    for each in range(pairs):
        part = each / (pairs - 1)
        length = 4 + 25 * sin(pi * (0.34 + 0.6 * part))
        angle = radians(58 - 16 * part)
        for side in (-1, 1):
            x = 13 + 8.6 * each
            found.append(((x, 0.0), (x + length * cos(angle), side * length * sin(angle))))
    return found


PINNAE = _pinnae()
"""The feathers of a leaf whose rib runs from (0, 0) to (100, 0): lines with many leaflets across each."""
