"""The list as CSV: one line for each signature, safe to open in a spreadsheet."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator

from campaign.signature_list.entry import ListEntry

COLUMNS = (
    "number",
    "state",
    "name",
    "town",
    "residence",
    "disclosure",
    "language",
    "edition",
    "words",
)

BATCH = 300
"""Entries in one chunk: enough to make writing cheap, few enough to keep memory flat."""

_BYTE_ORDER_MARK = "\ufeff"

# Where the list separator is a semicolon, Excel begins a new cell after each one in a text.
_CELL_START = re.compile(r'(?:^|;)(?=[\s"\u200c\u200d]*[=+\-@−＝＋－＠﹦﹢﹣﹫])')

_INVISIBLE = {"Cc", "Cf", "Cs"}


def lines(entries: Iterable[ListEntry]) -> Iterator[str]:
    """Yield the file in chunks of whole lines, for encoding as UTF-8.

    The file begins with a byte order mark. Without it Excel does not read UTF-8, and
    most non-Latin names are lost.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    buffer.write(_BYTE_ORDER_MARK)
    writer.writerow(COLUMNS)
    for number, entry in enumerate(entries, start=1):
        writer.writerow(_cells(entry))
        if number % BATCH == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    if buffer.tell():
        yield buffer.getvalue()


def _cells(entry: ListEntry) -> tuple[str | int, ...]:
    return (
        entry.number,
        entry.state_code,
        _text(entry.name),
        _text(entry.town),
        entry.residence,
        entry.disclosure,
        entry.language,
        entry.edition,
        _text(entry.words),
    )


def _text(text: str) -> str:
    """Return *text* on one line and never as a formula.

    CSV allows quoted line breaks, but many importers split a row at them.
    """
    # Fast path for nearly every text.
    if not text or (text[0].isalnum() and ";" not in text and text.isprintable()):
        return text
    if not text.isprintable():
        visible = "".join(_visible(character) for character in text)
        begins_with_control = text.startswith(("\t", "\r", "\n"))
        text = ("'" if begins_with_control else "") + " ".join(visible.split())
    return _CELL_START.sub(lambda start: start[0] + "'", text)


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    # Joiners are part of how Persian and Indic names and emoji are written.
    if unicodedata.category(character) in _INVISIBLE and character not in "\u200c\u200d":
        return ""
    return character
