"""The list itself: a table of signatories, and what they wrote in their own words."""

from collections.abc import Iterable
from functools import cache

from campaign.reference import residence
from campaign.reference.language import wording
from campaign.signature_list import font
from campaign.signature_list.pdf_letter import lay_out_words
from campaign.signature_list.pdf_page import LEFT, MUTED, RIGHT, Sheet, wrap
from campaign.signature_list.row import Row

NUMBER = LEFT + 34
"""Where the numbers end; the columns after it are name, town and residence."""

COLUMNS = (LEFT + 46, LEFT + 228, LEFT + 342)
GAP = 10

SIZE, HEAD_SIZE = 9, 7.5
ROW, LEADING = 15.5, 11.5
"""Height of a row of one line, and of each line more."""

_WIDTHS = tuple(end - begin - GAP for begin, end in zip(COLUMNS, (*COLUMNS[1:], RIGHT + GAP), strict=True))


def lay_out_table(sheet: Sheet, rows: Iterable[Row], language: str) -> int:
    """Write a line, or more where one is too short, for each of *rows*; return how many there were."""
    place = cache(lambda code: residence.name(code, language))
    names = 0
    _heads(sheet, language)
    sheet.columns = lambda: _heads(sheet, language)
    for row in rows:
        _row(sheet, row, place(row.residence))
        names += 1
    sheet.columns = None
    return names


def lay_out_own_words(sheet: Sheet, words: Iterable[tuple[int, str]], language: str) -> None:
    """Write what signatories wrote, each under the number that the list gives them."""
    _ = wording(language).gettext
    heading(sheet, _("In the signatories’ own words"))
    note = _(
        "What follows was written by signatories: it is theirs, not the campaign’s. "
        "The numbers are those of the list."
    )
    sheet.paragraph(note, size=SIZE, leading=13.5, grey=MUTED, after=10)
    for number, text in words:
        sheet.room(28)
        sheet.y -= 14
        sheet.text(str(number), NUMBER, size=HEAD_SIZE, grey=MUTED, align=1)
        sheet.y += 14
        lay_out_words(sheet, text, x=COLUMNS[0], size=9.5, leading=14)
        sheet.y -= 4


def heading(sheet: Sheet, text: str) -> None:
    """Write the heading of a part; a part begins where the one before it ends, if there is room."""
    sheet.room(110)
    sheet.y -= 6
    sheet.paragraph(text, size=14, leading=20, after=8)


def _heads(sheet: Sheet, language: str) -> None:
    _ = wording(language).gettext
    sheet.y -= 10
    sheet.text(_("No."), NUMBER, size=HEAD_SIZE, grey=MUTED, align=1)
    for x, head in zip(COLUMNS, (_("Name"), _("Town"), _("Residence")), strict=True):
        sheet.text(head, x, size=HEAD_SIZE, grey=MUTED)
    sheet.y -= 5
    sheet.rule(grey=MUTED, weight=0.6)


def _row(sheet: Sheet, row: Row, place: str) -> None:
    cells = [
        wrap(sheet.printable(text), font.regular(), SIZE, width)
        for text, width in zip((row.name, row.town, place), _WIDTHS, strict=True)
    ]
    height = ROW + LEADING * (max(map(len, cells)) - 1)
    sheet.room(height)
    top = sheet.y
    sheet.y = top - LEADING + 0.5
    sheet.text(str(row.number), NUMBER, size=SIZE, grey=MUTED, align=1)
    for x, lines in zip(COLUMNS, cells, strict=True):
        sheet.y = top - LEADING + 0.5
        for line in lines:
            if line:
                sheet.text(line, x, size=SIZE)
            sheet.y -= LEADING
    sheet.y = top - height
    sheet.rule()
