"""The cover of a list as a PDF page."""

import segno
from reportlab.lib.units import mm

from campaign.reference import notation, residence
from campaign.reference.language import wording
from campaign.reference.residence import ELSEWHERE
from campaign.sealing.code import grouped
from campaign.signature_list import font
from campaign.signature_list.cover import Cover
from campaign.signature_list.pdf_writer import LEFT, MEASURE, MUTED, RIGHT, TOP, PdfWriter, wrap

LABEL = 46 * mm
"""Width of the column of labels."""

QR_SIDE = 27 * mm

_SMALL, _SMALL_LEADING = 9, 13.5


def lay_out(pdf: PdfWriter, cover: Cover) -> None:
    """Write *cover* on the current page, and on further pages if it is long."""
    _ = wording(cover.language).gettext
    _title(pdf, cover)
    _facts(pdf, cover)
    _section(pdf, _("How the signatures were verified"), _verification(cover))
    _section(pdf, _("What was taken off"), _removals(cover))
    if cover.names_withheld:
        _section(pdf, _("Why there are no names"), [why_no_names(cover.language)])
    if cover.code:
        _check(pdf, cover)
    else:
        _section(pdf, _("Working copy"), [_("Made for organisers: it was not delivered to anyone.")])
    # A state that signatories need protection from does not learn how many of its residents signed.
    if not cover.names_withheld and cover.by_residence:
        _residences(pdf, cover)


def why_no_names(language: str) -> str:
    """Return the explanation for a delegation that gets the count only."""
    _ = wording(language).gettext
    return _(
        "Some of those who sign could suffer for having signed. To protect them all, no name, town or word "
        "of a signatory is given to this delegation, whatever the signatory chose."
    )


def _title(pdf: PdfWriter, cover: Cover) -> None:
    language = cover.language
    _, ngettext = wording(language).gettext, wording(language).ngettext
    title = _("Count of signatures") if cover.names_withheld else _("List of signatories")
    pdf.y = TOP - 4 * mm
    pdf.paragraph(title, size=22, leading=26)
    pdf.paragraph(cover.state_name, size=13, leading=20, grey=MUTED, after=9 * mm)
    total = notation.number(cover.total, language)
    pdf.y -= 24
    pdf.text(total, size=30, face=font.bold())
    unit = ngettext("confirmed signature", "confirmed signatures", cover.total)
    pdf.text(unit, LEFT + font.bold().width(total, 30) + 8, size=12)
    if not cover.names_withheld:
        split = _("%(named)s with a name on this list, %(unnamed)s whose name is not on it") % {
            "named": notation.number(cover.named, language),
            "unnamed": notation.number(cover.total - cover.named, language),
        }
        pdf.paragraph(split, size=_SMALL, leading=18, grey=MUTED)
    pdf.y -= 7 * mm


def _facts(pdf: PdfWriter, cover: Cover) -> None:
    _ = wording(cover.language).gettext
    for label, text in (
        (_("Sent by"), ", ".join(filter(None, (cover.organisation, cover.seat)))),
        (_("Contact"), cover.contact),
        (_("Made on"), notation.day(cover.made_on, cover.language)),
        (_("Edition of the letter"), str(cover.edition)),
    ):
        pdf.hairline()
        _labelled(pdf, label, text)
    pdf.hairline()
    pdf.y -= 6 * mm


def _labelled(pdf: PdfWriter, label: str, text: str) -> None:
    lines = wrap(pdf.printable(text), font.regular(), 10, MEASURE - LABEL)
    pdf.y -= 14
    pdf.text(label, size=_SMALL, grey=MUTED)
    for line in lines:
        pdf.text(line, LEFT + LABEL)
        pdf.y -= 14
    pdf.y += 14 - 6


def _section(pdf: PdfWriter, heading: str, paragraphs: list[str]) -> None:
    if not paragraphs:
        return
    pdf.reserve(4 * _SMALL_LEADING)
    pdf.paragraph(heading, face=font.bold(), size=_SMALL, leading=_SMALL_LEADING, after=1.5)
    for text in paragraphs:
        pdf.paragraph(text, size=_SMALL, leading=_SMALL_LEADING)
    pdf.y -= 4.5 * mm


def _verification(cover: Cover) -> list[str]:
    _ = wording(cover.language).gettext
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


def _removals(cover: Cover) -> list[str]:
    language = cover.language
    ngettext = wording(language).ngettext
    sentences = []
    if cover.withdrawn:
        withdrawn = ngettext(
            "%(number)s signature was withdrawn by its signatory; it is neither counted nor listed.",
            "%(number)s signatures were withdrawn by their signatories; they are neither counted nor listed.",
            cover.withdrawn,
        )
        sentences.append(withdrawn % {"number": notation.number(cover.withdrawn, language)})
    if cover.removed:
        removed = ngettext(
            "%(number)s signature was removed by the organisers as not genuine.",
            "%(number)s signatures were removed by the organisers as not genuine.",
            cover.removed,
        )
        sentences.append(removed % {"number": notation.number(cover.removed, language)})
    return [" ".join(sentences)] if sentences else []


def _check(pdf: PdfWriter, cover: Cover) -> None:
    _ = wording(cover.language).gettext
    pdf.reserve(QR_SIDE + 6 * mm)
    top = pdf.y - 4
    _qr(pdf, cover.verify_url, RIGHT - QR_SIDE, top - QR_SIDE)
    width = MEASURE - QR_SIDE - 8 * mm
    heading = _("Where to check this document")
    pdf.paragraph(heading, face=font.bold(), size=_SMALL, leading=_SMALL_LEADING, after=1.5)
    note = _("This address says when it was sent, with how many signatures and which hashes.")
    for text in (
        note,
        cover.verify_url,
        _("Code: %(code)s") % {"code": grouped(cover.code)},
        _("Document mark: %(mark)s") % {"mark": cover.nonce},
    ):
        pdf.paragraph(text, size=_SMALL, leading=_SMALL_LEADING, width=width)
    pdf.y = min(pdf.y, top - QR_SIDE) - 6 * mm


def _qr(pdf: PdfWriter, text: str, x: float, y: float) -> None:
    """Draw *text* as a QR code; a run of dark squares is one rectangle, so that no viewer shows seams."""
    rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    side = QR_SIDE / len(rows)
    path = pdf.canvas.beginPath()
    for at, row in enumerate(rows):
        bottom = y + QR_SIDE - (at + 1) * side
        column = 0
        for dark in "".join("#" if square else " " for square in row).split(" "):
            if dark:
                path.rect(x + column * side, bottom, len(dark) * side, side)
            column += len(dark) + 1
    pdf.canvas.setFillGray(0)
    pdf.canvas.drawPath(path, stroke=0, fill=1)


def _residences(pdf: PdfWriter, cover: Cover) -> None:
    """Write the counts in two columns; the delegation's own residents come first, in bold."""
    language = cover.language
    _ = wording(language).gettext
    pdf.reserve(5 * 16)
    pdf.paragraph(
        _("Signatures by residence"), face=font.bold(), size=_SMALL, leading=_SMALL_LEADING, after=5
    )
    if ELSEWHERE in dict(cover.by_residence):
        note = _(
            "Elsewhere: residences with fewer than five signatures, those where signing is dangerous, and as "
            "many others as it takes to point to nobody."
        )
        pdf.paragraph(note, size=_SMALL, leading=_SMALL_LEADING, grey=MUTED, after=5)
    gap = 8 * mm
    width = (MEASURE - gap) / 2
    for at in range(0, len(cover.by_residence), 2):
        pdf.reserve(16)
        for column, (code, count) in enumerate(cover.by_residence[at : at + 2]):
            x = LEFT + column * (width + gap)
            face = font.bold() if code == cover.own_residence else font.regular()
            pdf.hairline(x=x, to=x + width)
            pdf.y -= 11.5
            name, *more = wrap(pdf.printable(residence.name(code, language)), face, _SMALL, width - 50)
            pdf.text(f"{name} …" if more else name, x, size=_SMALL, face=face)
            number = notation.number(count, language)
            pdf.text(number, x + width, size=_SMALL, face=face, align=1)
            pdf.y += 11.5
        pdf.y -= 16
