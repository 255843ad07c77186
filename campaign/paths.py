"""Where templates and static files lie: beside the package in a checkout, inside it once installed."""

from pathlib import Path

PACKAGE = Path(__file__).parent
"""The package itself."""


def _shipped(name: str) -> Path:
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


TEMPLATES = _shipped("templates")
"""Pages, mails and letters."""

STATIC = _shipped("static")
"""What browsers and documents load: style sheet, fonts, map."""
