"""The cover of a list: what was counted, how it was verified, who sends it, and where to check."""

import segno
from babel.dates import format_date
from babel.numbers import format_decimal
from reportlab.lib.units import mm

from campaign.reference import residence
from campaign.reference.language import locale, wording
from campaign.sealing.code import grouped
from campaign.signature_list import font
from campaign.signature_list.cover import Cover
from campaign.signature_list.pdf_page import LEFT, MEASURE, MUTED, RIGHT, TOP, Sheet, wrap

LABEL = 46 * mm
"""Width of the column of labels."""

QR_SIDE = 27 * mm

_SMALL, _SMALL_LEADING = 9, 13.5


def lay_out(sheet: Sheet, cover: Cover, *, edition: int, language: str) -> None:
    """Write *cover* on a page of its own."""
    _ = wording(language).gettext
    _title(sheet, cover, language)
    _facts(sheet, cover, edition, language)
    _section(sheet, _("How the signatures were verified"), _verification(cover, language))
    _section(sheet, _("What was taken off"), _removals(cover, language))
    if cover.names_withheld:
        _section(sheet, _("Why there are no names"), [why_no_names(language)])
    if cover.code:
        _check(sheet, cover, language)
    else:
        _section(sheet, _("Working copy"), [_("Made for organisers: it was not delivered to anyone.")])
    # How many of its own residents signed is no business of a state before which signatories need protection.
    if not cover.names_withheld:
        _residences(sheet, cover, language)


def why_no_names(language: str) -> str:
    """Return the sentence for a delegation that gets the count alone."""
    _ = wording(language).gettext
    return _(
        "Some of those who sign could suffer for having signed. To protect them all, no name, town or word "
        "of a signatory is given to this delegation, whatever the signatory chose."
    )


def figure(number: int, language: str) -> str:
    """Return *number* with the separators of *language*."""
    return format_decimal(number, locale=locale(language))


def _title(sheet: Sheet, cover: Cover, language: str) -> None:
    _, ngettext = wording(language).gettext, wording(language).ngettext
    title = _("Count of signatures") if cover.names_withheld else _("List of signatories")
    sheet.y = TOP - 4 * mm
    sheet.paragraph(title, size=22, leading=26)
    sheet.paragraph(cover.state_name, size=13, leading=20, grey=MUTED, after=9 * mm)
    total = figure(cover.total, language)
    sheet.y -= 24
    sheet.text(total, size=30, face=font.bold())
    unit = ngettext("confirmed signature", "confirmed signatures", cover.total)
    sheet.text(unit, LEFT + font.bold().width(total, 30) + 8, size=12)
    if not cover.names_withheld:
        split = _("%(named)s with a name on this list, %(unnamed)s whose name is not on it") % {
            "named": figure(cover.named, language),
            "unnamed": figure(cover.total - cover.named, language),
        }
        sheet.paragraph(split, size=_SMALL, leading=18, grey=MUTED)
    sheet.y -= 7 * mm


def _facts(sheet: Sheet, cover: Cover, edition: int, language: str) -> None:
    _ = wording(language).gettext
    made_on = format_date(cover.made_on, format="long", locale=locale(language))
    for label, text in (
        (_("Sent by"), ", ".join(filter(None, (cover.organisation, cover.seat)))),
        (_("Contact"), cover.contact),
        (_("Made on"), made_on),
        (_("Edition of the letter"), str(edition)),
    ):
        sheet.rule()
        _labelled(sheet, label, text)
    sheet.rule()
    sheet.y -= 6 * mm


def _labelled(sheet: Sheet, label: str, text: str) -> None:
    lines = wrap(sheet.printable(text), font.regular(), 10, MEASURE - LABEL)
    sheet.y -= 14
    sheet.text(label, size=_SMALL, grey=MUTED)
    for line in lines:
        sheet.text(line, LEFT + LABEL)
        sheet.y -= 14
    sheet.y += 14 - 6


def _section(sheet: Sheet, heading: str, paragraphs: list[str]) -> None:
    if not paragraphs:
        return
    sheet.room(4 * _SMALL_LEADING)
    sheet.paragraph(heading, face=font.bold(), size=_SMALL, leading=_SMALL_LEADING, after=1.5)
    for text in paragraphs:
        sheet.paragraph(text, size=_SMALL, leading=_SMALL_LEADING)
    sheet.y -= 4.5 * mm


def _verification(cover: Cover, language: str) -> list[str]:
    _ = wording(language).gettext
    sentences = [
        _(
            "Each signature was confirmed by the owner of a mailbox, who got a private link by e-mail, "
            "opened it and confirmed there. One mailbox counts once for this letter."
        ),
        _(
            "The figures count signatures, not people: no identity papers were asked for, and one person may "
            "have more than one mailbox."
        ),
    ]
    if not cover.names_withheld:
        sentences.append(_("Names, towns and places of residence are as the signatories gave them."))
    return [" ".join(sentences)]


def _removals(cover: Cover, language: str) -> list[str]:
    ngettext = wording(language).ngettext
    sentences = []
    if cover.withdrawn:
        withdrawn = ngettext(
            "%(number)s signature was withdrawn by its signatory; it is neither counted nor listed.",
            "%(number)s signatures were withdrawn by their signatories; they are neither counted nor listed.",
            cover.withdrawn,
        )
        sentences.append(withdrawn % {"number": figure(cover.withdrawn, language)})
    if cover.removed:
        removed = ngettext(
            "%(number)s signature was removed by the organisers as not genuine.",
            "%(number)s signatures were removed by the organisers as not genuine.",
            cover.removed,
        )
        sentences.append(removed % {"number": figure(cover.removed, language)})
    return [" ".join(sentences)] if sentences else []


def _check(sheet: Sheet, cover: Cover, language: str) -> None:
    _ = wording(language).gettext
    sheet.room(QR_SIDE + 6 * mm)
    top = sheet.y - 4
    _qr(sheet, cover.verify_url, RIGHT - QR_SIDE, top - QR_SIDE)
    width = MEASURE - QR_SIDE - 8 * mm
    heading = _("Where to check this document")
    sheet.paragraph(heading, face=font.bold(), size=_SMALL, leading=_SMALL_LEADING, after=1.5)
    note = _("This address says when it was sent, with how many signatures and which hashes.")
    for text in (
        note,
        cover.verify_url,
        _("Code: %(code)s") % {"code": grouped(cover.code)},
        _("Document mark: %(mark)s") % {"mark": cover.nonce},
    ):
        sheet.paragraph(text, size=_SMALL, leading=_SMALL_LEADING, width=width)
    sheet.y = min(sheet.y, top - QR_SIDE) - 6 * mm


def _qr(sheet: Sheet, text: str, x: float, y: float) -> None:
    """Draw *text* as a QR code; neighbouring squares are one shape, so that no viewer shows seams."""
    rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    side = QR_SIDE / len(rows)
    path = sheet.canvas.beginPath()
    for at, row in enumerate(rows):
        bottom = y + QR_SIDE - (at + 1) * side
        column = 0
        for dark in "".join("#" if square else " " for square in row).split(" "):
            if dark:
                path.rect(x + column * side, bottom, len(dark) * side, side)
            column += len(dark) + 1
    sheet.canvas.setFillGray(0)
    sheet.canvas.drawPath(path, stroke=0, fill=1)


def _residences(sheet: Sheet, cover: Cover, language: str) -> None:
    """Write the counts in two columns, the delegation's own residents first and in bold."""
    _ = wording(language).gettext
    sheet.room(5 * 16)
    sheet.paragraph(
        _("Signatures by residence"), face=font.bold(), size=_SMALL, leading=_SMALL_LEADING, after=5
    )
    gap = 8 * mm
    width = (MEASURE - gap) / 2
    for at in range(0, len(cover.by_residence), 2):
        sheet.room(16)
        for column, (code, count) in enumerate(cover.by_residence[at : at + 2]):
            x = LEFT + column * (width + gap)
            face = font.bold() if code == cover.own_residence else font.regular()
            sheet.rule(x=x, to=x + width)
            sheet.y -= 11.5
            name, *more = wrap(sheet.printable(residence.name(code, language)), face, _SMALL, width - 50)
            sheet.text(f"{name} …" if more else name, x, size=_SMALL, face=face)
            number = figure(count, language)
            sheet.text(number, x + width, size=_SMALL, face=face, align=1)
            sheet.y += 11.5
        sheet.y -= 16
