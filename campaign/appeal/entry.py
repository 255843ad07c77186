"""Entries of the appeal's TOML files, with line numbers for error messages."""

import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from campaign.errors import AppealError

_HEADER = re.compile(r"^\s*\[+\s*([\w.\"-]+)\s*\]+\s*(#.*)?$")
_SYNTAX = re.compile(r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")

_SPACE = re.compile(r"[ \t\r\n]+")
"""White space that an editor puts at a line's end; a no-break space is part of a text."""

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*:(?!\s)|//")
"""The beginning of an address of any kind, such as ``javascript:``; a title has a space after a colon."""


@dataclass(frozen=True)
class Entry:
    """A table in a TOML file, such as one person."""

    path: Path
    lines: tuple[str, ...]
    """All lines of the file."""
    first: int
    """The line number of its header, from 1."""
    last: int
    fields: dict[str, Any]

    def refuse(self, reason: str, field: str = "") -> NoReturn:
        """Raise an :exc:`AppealError` about *field*, or about the entry."""
        raise AppealError(f"{self.path}:{self.line(field)}: {reason}")

    def line(self, field: str = "") -> int:
        """Return the line number of *field*, or of the header."""
        name = rf'"?{re.escape(field)}"?'
        pattern = re.compile(rf"^\s*({name}\s*=|\[+\s*([\w.\"-]+\.)?{name}\s*\]+)")
        for number in range(self.first, self.last + 1):
            if field and pattern.match(self.lines[number - 1]):
                return number
        return self.first

    def text(self, field: str, *, may_be_empty: bool = False) -> str:
        """Return a text, with each run of spaces and line ends replaced by one space."""
        found = self.fields.get(field, "" if may_be_empty else None)
        if found is None:
            self.refuse(f"“{field}” is missing")
        if not isinstance(found, str):
            self.refuse(f"“{field}” must be text in quotation marks", field)
        found = _SPACE.sub(" ", found).strip(" ")
        if not found and not may_be_empty:
            self.refuse(f"“{field}” is empty", field)
        return found

    def day(self, field: str) -> date:
        """Return a date (in TOML without quotation marks)."""
        found = self.fields.get(field)
        if found is None:
            self.refuse(f"“{field}” is missing")
        if not isinstance(found, date) or isinstance(found, datetime):
            self.refuse(f"“{field}” must be a day such as 2021-03-08, without quotation marks", field)
        return found

    def texts(self, field: str) -> tuple[str, ...]:
        """Return a list of at least one text."""
        found = self.fields.get(field)
        if found is None:
            self.refuse(f"“{field}” is missing")
        if not isinstance(found, list) or not all(isinstance(each, str) and each.strip() for each in found):
            self.refuse(f'“{field}” must be a list of texts such as ["one", "two"]', field)
        if not found:
            self.refuse(f"“{field}” is empty", field)
        return tuple(each.strip() for each in found)

    def slug(self, field: str) -> str:
        """Return a text that is part of a page's address: small Latin letters, digits and hyphens."""
        found = self.text(field)
        if not _SLUG.fullmatch(found):
            self.refuse(
                f"“{found}” cannot be part of a page’s address: use small Latin letters, digits and hyphens,"
                " 40 at most",
                field,
            )
        return found

    def link(self, field: str) -> str:
        """Return a web address, such as ``https://example.org/page``."""
        found = self.text(field)
        if not _is_link(found):
            self.refuse(f"“{found}” is no web address such as https://example.org/page", field)
        return found

    def sources(self, field: str) -> tuple[str, ...]:
        """Return a list of sources, each a web address or the title of something printed."""
        found = self.texts(field)
        for source in found:
            if _SCHEME.match(source) and not _is_link(source):
                self.refuse(f"“{source}” is neither a web address such as https://… nor a title", field)
        return found

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Refuse fields that are not *known*: most likely one is misspelt."""
        for field in self.fields:
            if field not in known:
                self.refuse(f"there is no field “{field}” here; known are {', '.join(sorted(known))}", field)

    def table(self, name: str) -> "Entry | None":
        """Return the table *name* below this entry."""
        found = self.fields.get(name.rpartition(".")[2])
        if found is None:
            return None
        if not isinstance(found, dict):
            self.refuse(f"“{name}” must be a table headed [{name}]", name)
        headers = [at for at, header in self._headers() if header == name]
        if not headers:
            return Entry(self.path, self.lines, self.first, self.last, found)
        return Entry(self.path, self.lines, headers[0], self._end(headers[0], name), found)

    def required_table(self, name: str) -> "Entry":
        """Return the table *name* below this entry; its absence is an error."""
        found = self.table(name)
        if found is None:
            self.refuse(f"the table [{name}] is missing")
        return found

    def tables(self, name: str) -> list["Entry"]:
        """Return the tables ``[[name]]`` below this entry."""
        found = self.fields.get(name.rpartition(".")[2], [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.refuse(f"“{name}” must be tables headed [[{name}]]", name)
        headers = [at for at, header in self._headers() if header == name]
        if len(headers) != len(found):  # inline tables have no headers: use the line of this entry
            return [Entry(self.path, self.lines, self.first, self.last, each) for each in found]
        return [
            Entry(self.path, self.lines, at, self._end(at, name), each)
            for at, each in zip(headers, found, strict=True)
        ]

    def _headers(self) -> list[tuple[int, str]]:
        return [(at, header) for at, header in _headers(self.lines) if self.first <= at <= self.last]

    def _end(self, first: int, name: str) -> int:
        """Return the last line of the table that begins at *first*, including its subtables."""
        for at, header in self._headers():
            if at > first and not header.startswith(f"{name}."):
                return at - 1
        return self.last


def read(path: Path) -> Entry:
    """Return a whole TOML file as one entry.

    Raises:
        AppealError: The file is missing, not UTF-8, or not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        fields = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise AppealError(f"{path}:{line}: this is not UTF-8 text; save the file as UTF-8") from error
    except OSError as error:
        raise AppealError(f"{path}:1: cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        match = _SYNTAX.match(str(error))
        line = int((match and match["line"]) or text.count("\n") + 1)
        raise AppealError(f"{path}:{line}: {match['what'] if match else error}") from error
    lines = tuple(text.split("\n"))
    return Entry(path, lines, 1, len(lines), fields)


@lru_cache(maxsize=16)
def _headers(lines: tuple[str, ...]) -> list[tuple[int, str]]:
    """Return the tables' headers among *lines*, each with its line number from 1."""
    return [
        (number, match.group(1).replace('"', ""))
        for number, line in enumerate(lines, start=1)
        if (match := _HEADER.match(line))
    ]


def _is_link(text: str) -> bool:
    """Whether a browser would open *text* as a page of the web."""
    try:
        parts = urlsplit(text)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and has_port
        and parts.username is None
        and not re.search(r"[\s\\<>\"\x00-\x1f\x7f]", text)
    )
