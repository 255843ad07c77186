"""The tile map: one equal tile for each participating State, roughly where it lies.

No border is drawn, so none is disputed, and Monaco is as large as Canada.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_ROWS = """
IS3 NO6 SE7 FI8
CA0 IE3 GB4 DK6 EE8 RU11
US0 NL4 DE5 PL6 LT7 LV8 BY9 KZ12 MN14
FR3 BE4 LU5 CZ6 SK7 UA9 UZ12 KG13
MC3 CH4 LI5 AT6 HU7 RO8 MD9 GE10 TM12 TJ13
PT1 ES2 AD3 IT4 SM5 SI6 HR7 RS8 BG9 AM10 AZ11
VA4 BA6 ME7 MK8 TR10
MT4 AL7 GR8 CY10
"""
"""Row by row, the code of each State and its column."""

COLUMNS = 15


@dataclass(frozen=True)
class Tile:
    """A place on the map, counted from 0 at the top left."""

    row: int
    column: int


def _tiles() -> dict[str, Tile]:
    rows = enumerate(_ROWS.strip().split("\n"))
    return {each[:2].lower(): Tile(row, int(each[2:])) for row, line in rows for each in line.split()}


TILES: Mapping[str, Tile] = MappingProxyType(_tiles())
"""The tile of each State by its code."""
