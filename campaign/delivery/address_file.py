"""Read the CSV file of delegations' addresses as spreadsheets save it."""

import csv
import io
import re
from datetime import date

from campaign.errors import DelegationError
from campaign.reference.language import ENGLISH, wording

COLUMNS = ("state", "email", "source", "checked_on")
"""The columns: the state's code and fields of :class:`campaign.delivery.delegation.Delegation`."""

LARGEST_IMPORT = 100_000
"""Bytes. 57 lines have a few thousand."""

Row = dict[str, str]

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""First bytes of XLSX and ODS files, and of XLS files."""

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
"""First bytes of a file that was saved as “Unicode text”."""

_DOTTED_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)

_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters, and characters that change the direction of text."""


def read(content: bytes, language: str = ENGLISH.code) -> list[tuple[int, Row]]:
    """Return the filled-in rows, each with the number of its line in the file.

    Raises:
        DelegationError: The file cannot be read as a list of addresses; says why in *language*.
    """
    _ = wording(language).gettext
    if len(content) > LARGEST_IMPORT:
        raise DelegationError(_("The file is larger than a list of 57 addresses can be."))
    text = _decode(content, language)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text.partition("\n")[0]))
    try:
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise DelegationError(at_line(reader.line_num, _("This is not a CSV file."), language)) from error
    header = _header(lines[0][1] if lines else [], language)
    rows = [(number, dict(zip(header, cells, strict=False))) for number, cells in lines[1:]]
    return [(number, row) for number, row in rows if _is_filled_in(row)]


def at_line(number: int, fault: str, language: str) -> str:
    """Return the *fault* with the number of its line in the file."""
    return wording(language).gettext("Line %(number)s: %(fault)s") % {"number": number, "fault": fault}


def cell(row: Row, column: str, language: str) -> str:
    """Return the cell of *row* in *column*; empty if the row is too short.

    Raises:
        DelegationError: It holds characters that cannot be printed; says so in *language*.
    """
    _ = wording(language).gettext
    text = row.get(column, "")
    if _UNREADABLE.search(text):
        raise DelegationError(
            _("%(column)s: there are characters that cannot be printed.") % {"column": column}
        )
    return text


def day(text: str, language: str) -> date:
    """Read a day in ISO format, or as day.month.year, which some spreadsheets save.

    Raises:
        DelegationError: *text* is neither; says so in *language*.
    """
    _ = wording(language).gettext
    dotted = _DOTTED_DAY.fullmatch(text)
    try:
        return date(*map(int, reversed(dotted.groups()))) if dotted else date.fromisoformat(text)
    except ValueError:
        fault = _("checked_on: write a day such as 2026-11-23, not “%(text)s”.") % {"text": text}
        raise DelegationError(fault) from None


def _decode(content: bytes, language: str) -> str:
    _ = wording(language).gettext
    if content.startswith(_WORKBOOKS):
        raise DelegationError(_("This is a workbook. Open it in a spreadsheet, and save it as “CSV UTF-8”."))
    try:
        text = content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DelegationError(_("The file is not UTF-8. Save it as “CSV UTF-8”.")) from error
    if "\0" in text:
        raise DelegationError(_("This is not a CSV file."))
    return text


def _delimiter(first_line: str) -> str:
    return max(",;\t", key=first_line.count)


def _header(cells: list[str], language: str) -> list[str]:
    _ = wording(language).gettext
    header = [name.lower() for name in cells]
    if not set(COLUMNS) <= set(header):
        fault = _("Name the columns here: %(columns)s.") % {"columns": ", ".join(COLUMNS)}
        raise DelegationError(at_line(1, fault, language))
    if twice := [name for name in COLUMNS if header.count(name) > 1]:
        fault = _("A column has the name of another: %(columns)s.") % {"columns": ", ".join(twice)}
        raise DelegationError(at_line(1, fault, language))
    return header


def _is_filled_in(row: Row) -> bool:
    """Whether a row has more than the code of its state, as the file to fill in has on every line."""
    return any(row.get(column) for column in COLUMNS if column != "state")
