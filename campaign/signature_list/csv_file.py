"""The list as CSV: one line a signature, safe to open in a spreadsheet."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator

from campaign.signature_list.row import Row

COLUMNS = (
    "number",
    "state",
    "name",
    "town",
    "residence",
    "disclosure",
    "confirmed_on",
    "language",
    "edition",
    "words",
)

BATCH = 300
"""Rows in one chunk: enough to make writing cheap, few enough to keep memory flat."""

_BYTE_ORDER_MARK = "\ufeff"

# Where a machine's separator is the semicolon, Excel begins a cell after each one inside our text.
_CELL_START = re.compile(r'(?:^|;)(?=[\s"\u200c\u200d]*[=+\-@−＝＋－＠﹦﹢﹣﹫])')

_UNSEEN = {"Cc", "Cf", "Cs"}


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the file in chunks of whole lines, for encoding as UTF-8.

    It begins with a byte order mark: without one Excel reads UTF-8 as the machine's
    old code page, and no name outside it survives.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    buffer.write(_BYTE_ORDER_MARK)
    writer.writerow(COLUMNS)
    for written, row in enumerate(rows, start=1):
        writer.writerow(_cells(row))
        if written % BATCH == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    if buffer.tell():
        yield buffer.getvalue()


def _cells(row: Row) -> tuple[str | int, ...]:
    return (
        row.number,
        row.state_code,
        _text(row.name),
        _text(row.town),
        row.residence,
        row.disclosure,
        row.confirmed_on.isoformat(),
        row.language,
        row.edition,
        _text(row.words),
    )


def _text(text: str) -> str:
    """Return *text* on one line, as words and never as a formula.

    Quoted line breaks are allowed in CSV, but many importers cut a row at them.
    """
    # Nearly every text begins with a letter and hides nothing: those pass without a search.
    if not text or (text[0].isalnum() and ";" not in text and text.isprintable()):
        return text
    if not text.isprintable():
        seen = "".join(_seen(character) for character in text)
        begins_badly = text.startswith(("\t", "\r", "\n"))
        text = ("'" if begins_badly else "") + " ".join(seen.split())
    return _CELL_START.sub(lambda start: start[0] + "'", text)


def _seen(character: str) -> str:
    if character.isspace():
        return " "
    # Joiners are part of how Persian and Indic names and emoji are written.
    if unicodedata.category(character) in _UNSEEN and character not in "\u200c\u200d":
        return ""
    return character
