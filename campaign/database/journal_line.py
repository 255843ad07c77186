"""The lines of a journal's file as JSON: whose acts they hold, and which number they have."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

Act = dict[str, Any]
"""Its ``act``, one of those in :mod:`campaign.database.journal`, with ids and codes as JSON has them."""


@dataclass(frozen=True)
class Part:
    """What one database wrote under one id."""

    id: UUID
    location: str
    """Of the database, such as its path."""


@dataclass(frozen=True)
class Line:
    """The acts of one transaction."""

    part: Part
    number: int
    acts: tuple[Act, ...]


@dataclass(frozen=True)
class Header:
    """A line after which the file's lines belong to another id."""

    id: UUID
    lacking: Mapping[Part, int]
    """The last numbers of parts of which the file lacks lines."""


def header_line(journal_id: UUID, lacking: Mapping[Part, int]) -> bytes:
    """Return the line with which *journal_id* begins."""
    content: dict[str, Any] = {"journal": str(journal_id)}
    if lacking:
        content["lacking"] = [[str(part.id), part.location, number] for part, number in lacking.items()]
    return json.dumps(content).encode() + b"\n"


def parse(raw: bytes, present_id: UUID | None) -> Line | Header | None:
    """Return what a whole line says; ``None`` for one before the first header.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: It is damaged.
    """
    content = json.loads(raw)
    if "journal" in content:
        lacking = {Part(UUID(each[0]), each[1]): int(each[2]) for each in content.get("lacking", ())}
        return Header(UUID(content["journal"]), lacking)
    if present_id is None:
        return None
    return Line(Part(present_id, str(content["at"])), int(content["number"]), tuple(content["acts"]))
