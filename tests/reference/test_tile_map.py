"""The tile map and the sprig hold each participating State once."""

import math
import re
from pathlib import Path

import pytest

from campaign.reference.participating_state import STATES
from campaign.reference.sprig import BLOSSOMS, FULL_BLOOM, HEIGHT, LEAVES, WIDTH, Bloom
from campaign.reference.tile_map import COLUMNS, TILES

ROWS = 8

AS_DRAWN = """
   0  1  2  3  4  5  6  7  8  9 10 11 12 13 14
0           is       no se fi
1  ca       ie gb    dk    ee       ru
2  us          nl de pl lt lv by       kz    mn
3           fr be lu cz sk    ua       uz kg
4           mc ch li at hu ro md ge    tm tj
5     pt es ad it sm si hr rs bg am az
6              va    ba me mk    tr
7              mt       al gr    cy
"""
"""The map as a reader sees it; each State stands under the number of its column."""


def test_each_state_has_one_tile_and_no_two_share_a_place() -> None:
    assert set(TILES) == set(STATES)
    assert len(set(TILES.values())) == 57
    assert max(tile.row for tile in TILES.values()) == ROWS - 1
    assert max(tile.column for tile in TILES.values()) == COLUMNS - 1 == 14


def test_the_tiles_lie_as_drawn() -> None:
    drawn = {
        each.group(): (row, (each.start() - 3) // 3)
        for row, line in enumerate(AS_DRAWN.strip("\n").split("\n")[1:])
        for each in re.finditer(r"[a-z]{2}", line)
    }

    assert {code: (tile.row, tile.column) for code, tile in TILES.items()} == drawn


def test_the_style_sheet_has_a_rule_for_each_row_and_column() -> None:
    style = (Path(__file__).parents[2] / "static" / "campaign.css").read_text()

    assert all(f".y{row} {{ grid-row: {row + 1}; }}" in style for row in range(ROWS))
    assert all(f".x{column} {{ grid-column: {column + 1}; }}" in style for column in range(COLUMNS))


def test_each_state_has_one_blossom_and_none_hides_another() -> None:
    assert set(BLOSSOMS) == set(STATES)
    blossoms = list(BLOSSOMS.values())
    for index, one in enumerate(blossoms):
        assert one.radius <= one.x <= WIDTH - one.radius
        assert one.radius <= one.y <= HEIGHT - one.radius
        for other in blossoms[index + 1 :]:
            assert math.dist((one.x, one.y), (other.x, other.y)) >= one.radius + other.radius - 1


@pytest.mark.parametrize(
    ("count", "step"), [(0, 0), (1, 1), (9, 1), (10, 2), (99, 2), (100, 3), (999, 3), (1_000, 4), (10**6, 4)]
)
def test_a_blossom_opens_in_steps(count: int, step: int) -> None:
    assert Bloom(count).step == step <= FULL_BLOOM


def test_a_leaf_grows_from_its_place() -> None:
    leaf = LEAVES[0]

    assert leaf.at((0, 0)) == (leaf.x, leaf.y)
    assert math.dist(leaf.at((100, 0)), (leaf.x, leaf.y)) == pytest.approx(100 * leaf.scale)
