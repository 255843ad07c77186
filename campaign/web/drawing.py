"""The sprig and the tile map for templates, as path data and as globals."""

from flask import Flask

from campaign.reference import sprig, tile_map


def init_app(app: Flask) -> None:
    """Give templates ``drawing`` and ``Bloom``; templates/_sprig.html and _tile_map.html use them."""
    app.jinja_env.globals.update(drawing=DRAWING, Bloom=sprig.Bloom)


def _curve(points: list[list[int]]) -> str:
    start, *rest = [" ".join(map(str, point)) for point in points]
    return f"M{start}C{' '.join(rest)}"


def _feathers() -> str:
    paths = []
    for (x, _), (end_x, end_y) in sprig.PINNAE:
        width, height = end_x - x, end_y
        bend = f"{width * 0.35:.1f} {height * 0.62:.1f}"
        paths.append(f"M{x:.4g} 0q{bend} {width:.1f} {height:.1f}")
    return "".join(paths)


DRAWING = {
    "width": sprig.WIDTH,
    "height": sprig.HEIGHT,
    "stem": _curve(sprig.STEM),
    "stalks": "".join(map(_curve, sprig.STALKS)),
    "feathers": _feathers(),
    "leaves": sprig.LEAVES,
    "blossoms": sprig.BLOSSOMS,
    "tiles": tile_map.TILES,
}
