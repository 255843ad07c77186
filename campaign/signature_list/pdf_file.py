"""One PDF file of letter, cover and list of signatories."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from campaign.errors import DeliveryError
from campaign.letter.edition import Version
from campaign.letter.sheet import Letter
from campaign.reference import notation
from campaign.reference.language import language_name, wording
from campaign.sealing.code import grouped
from campaign.signature_list import pdf_cover, pdf_letter, pdf_list
from campaign.signature_list.cover import Cover
from campaign.signature_list.entry import ListEntry
from campaign.signature_list.pdf_list import OwnWords
from campaign.signature_list.pdf_writer import MUTED, PdfWriter


@dataclass(frozen=True, kw_only=True)
class Report:
    """Figures of a finished file."""

    pages: int
    names: int
    romanised: int
    """Texts in a script that no embedded font covers."""


@dataclass(kw_only=True)
class _Deferred:
    """Content that is printed after the main table."""

    other_versions: dict[Version, list[ListEntry]] = field(default_factory=dict)
    words: list[OwnWords] = field(default_factory=list)


def write_delivery(
    file: BinaryIO,
    letter: Letter,
    cover: Cover,
    entries: Iterable[ListEntry],
    *,
    other_letters: Mapping[Version, Letter],
) -> Report:
    """Write letter, cover and list as one document.

    Args:
        file: The file to write.
        letter: The letter that is delivered.
        cover: The cover's content.
        entries: In the order of the list; read once, or never if names are withheld. An entry without
            a name is not printed.
        other_letters: The text of each other version that an entry has.

    Raises:
        DeliveryError: *other_letters* has no text of an entry's version.
    """
    pdf = PdfWriter(
        file, title=letter.subject, author=cover.organisation, made_on=cover.made_on, language=cover.language
    )
    names = lay_out(pdf, letter, cover, entries, other_letters=other_letters)
    return Report(pages=pdf.close(), names=names, romanised=pdf.romanised)


def lay_out(
    pdf: PdfWriter,
    letter: Letter,
    cover: Cover,
    entries: Iterable[ListEntry],
    *,
    other_letters: Mapping[Version, Letter],
) -> int:
    """Append one delegation's document, starting on the current page; return the number of names.

    Arguments and errors are those of :func:`write_delivery`. To put several into one file, call
    :meth:`PdfWriter.next_page` between them.
    """
    pdf.header = ""
    pdf.footer = (
        cover.state_name,
        grouped(cover.code) or wording(cover.language).gettext("Working copy"),
    )
    pdf_letter.lay_out(pdf, letter)
    pdf.next_page()
    pdf.header = _header(cover)
    pdf_cover.lay_out(pdf, cover)
    if cover.names_withheld:
        return 0
    return _lay_out_list(pdf, cover, letter, entries, other_letters)


def _header(cover: Cover) -> str:
    _ = wording(cover.language).gettext
    if not cover.code:
        return _("Working copy – for organisers only")
    return "" if cover.names_withheld else _("List of signatories – confidential: for the delegation only")


def _lay_out_list(
    pdf: PdfWriter,
    cover: Cover,
    letter: Letter,
    entries: Iterable[ListEntry],
    other_letters: Mapping[Version, Letter],
) -> int:
    deferred, language = _Deferred(), cover.language
    delivered = Version(cover.edition, letter.language)
    pdf.next_page()
    pdf_list.heading(pdf, wording(language).gettext("Signatories"))
    names = pdf_list.lay_out_table(pdf, _of_version(entries, delivered, deferred), language)
    for version, signed in deferred.other_versions.items():
        if version not in other_letters:
            raise DeliveryError(f"The letter's edition {version} was signed, but its text is missing.")
        _lay_out_letter(pdf, _heading(version, delivered), other_letters[version], language)
        names += pdf_list.lay_out_table(pdf, signed, language)
    _lay_out_number_of_unnamed(pdf, cover.total - names, language)
    if deferred.words:
        pdf_list.lay_out_own_words(pdf, deferred.words, language)
    return names


def _of_version(entries: Iterable[ListEntry], delivered: Version, deferred: _Deferred) -> Iterator[ListEntry]:
    """Yield the entries of *delivered*; add to *deferred* the content that is printed after them."""
    for entry in entries:
        if not entry.name:
            continue
        if entry.words:
            deferred.words.append(OwnWords(entry.number, entry.language, entry.words))
        if entry.version == delivered:
            yield entry
        else:
            deferred.other_versions.setdefault(entry.version, []).append(entry)


def _heading(version: Version, delivered: Version) -> str:
    """Return the heading of those who signed *version*, in the language of *delivered*."""
    _ = wording(delivered.language).gettext
    language = language_name(version.language, delivered.language)
    if version.edition == delivered.edition:
        return _("Signatories of the letter in another language: %(language)s") % {"language": language}
    if version.language == delivered.language:
        return _("Signatories of another edition: %(number)s") % {"number": version.edition}
    values = {"number": version.edition, "language": language}
    return _("Signatories of another edition (%(number)s) in another language: %(language)s") % values


def _lay_out_letter(pdf: PdfWriter, heading: str, letter: Letter, language: str) -> None:
    _ = wording(language).gettext
    pdf.y -= 20
    pdf_list.heading(pdf, heading)
    note = _("They signed the text that stands here, not the one at the beginning of this document.")
    pdf.paragraph(note, size=9, leading=13.5, grey=MUTED, after=10)
    pdf_letter.lay_out_text(pdf, letter, size=8.5, leading=12.5)
    pdf.y -= 16
    pdf.reserve(60)


def _lay_out_number_of_unnamed(pdf: PdfWriter, number: int, language: str) -> None:
    if number <= 0:
        return
    sentence = wording(language).ngettext(
        "and %(number)s signature whose name is not on this list",
        "and %(number)s signatures whose names are not on this list",
        number,
    )
    pdf.y -= 6
    pdf.paragraph(
        sentence % {"number": notation.number(number, language)}, size=9, leading=15, grey=MUTED, after=12
    )
