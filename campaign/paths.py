"""Folders of templates and static files: beside the package in a checkout, inside it once installed."""

from pathlib import Path

PACKAGE = Path(__file__).parent
"""The folder of the package ``campaign``."""

IS_CHECKOUT = (PACKAGE.parent / "pyproject.toml").is_file()
"""Whether the package runs from the repository, where its files can be edited."""


def _shipped(name: str) -> Path:
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


TEMPLATES = _shipped("templates")
"""Pages, mails and letters."""

STATIC = _shipped("static")
"""Style sheet, fonts and map, for browsers and documents."""
