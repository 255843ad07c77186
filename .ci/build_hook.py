"""Compile each ``messages.po`` to the ``messages.mo`` that the site reads; only the former is committed."""

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileCatalogues(BuildHookInterface):
    """Runs for wheels, source distributions and editable installations alike."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write each catalogue beside its source; a process that reads the earlier one keeps it."""
        del version, build_data  # pyproject.toml names the files as artifacts
        for source in Path(self.root).glob("campaign/translations/*/LC_MESSAGES/messages.po"):
            with source.open("rb") as file:
                catalogue = read_po(file, abort_invalid=True)
            compiled = source.with_suffix(".new")
            with compiled.open("wb") as file:
                write_mo(file, catalogue)
            compiled.replace(source.with_suffix(".mo"))
