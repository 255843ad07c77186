"""Build the document of a delivery in memory: letter, cover and list in one PDF."""

import hashlib
import io
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import BinaryIO
from uuid import UUID

from campaign.delivery.plan import Plan
from campaign.reference.language import wording
from campaign.sealing.code import grouped
from campaign.signature_list import pdf_file
from campaign.signature_list.cover import Cover
from campaign.signature_list.entry import ListEntry
from campaign.signature_list.pdf_writer import PdfWriter

NO_CODE = ""
"""The code of a test, a working copy or a preview, which are not deliveries."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A finished document. Only its hash is stored."""

    pdf: bytes
    cover: Cover
    numbers: tuple[tuple[int, UUID], ...]
    """Each number on the list, with the ID of its signature."""

    @property
    def list_hash(self) -> bytes:
        """SHA-256 of the PDF."""
        return hashlib.sha256(self.pdf).digest()


def build(plan: Plan, entries: Iterable[ListEntry], cover: Cover) -> Document:
    """Build the planned document.

    Args:
        plan: The delivery.
        entries: Of its list, in order; see :func:`campaign.delivery.plan.entries`.
        cover: See :func:`cover`.
    """
    file, numbers = io.BytesIO(), list[tuple[int, UUID]]()

    def noting_numbers() -> Iterator[ListEntry]:
        for entry in entries:
            numbers.append((entry.number, entry.signature_id))
            yield entry

    pdf_file.write_delivery(file, plan.letter, cover, noting_numbers(), other_letters=plan.other_letters)
    return Document(pdf=file.getvalue(), cover=cover, numbers=tuple(numbers))


def cover(plan: Plan, *, code: str, made_on: date, base_url: str) -> Cover:
    """Return the cover of the planned delivery.

    Args:
        plan: The delivery.
        code: The delivery's code, or :data:`NO_CODE`.
        made_on: The cover's date.
        base_url: The site's.
    """
    return Cover(
        language=plan.language.code,
        edition=plan.edition,
        code=code,
        made_on=made_on,
        organisation=plan.organisation.name,
        seat=plan.organisation.seat,
        contact=plan.organisation.contact,
        state_name=plan.state.name(plan.language.code),
        total=plan.readiness.signatures,
        named=plan.named,
        by_residence=plan.by_residence,
        own_residence=plan.state.code.upper(),
        withdrawn=plan.withdrawn,
        removed=plan.removed,
        verify_url=verify_url(base_url, plan.language.code, code),
        nonce=secrets.token_hex(16),
        names_withheld=plan.names_withheld,
    )


def verify_url(base_url: str, language: str, code: str) -> str:
    """Return the address under which anyone can check the delivery with *code*."""
    return f"{base_url}/{language}/verify/{grouped(code)}"


def masked(entries: Iterable[ListEntry], language: str) -> Iterator[ListEntry]:
    """Yield *entries* with made-up names in *language*, for a test to a mailbox that must not get names."""
    _ = wording(language).gettext
    for entry in entries:
        yield replace(
            entry,
            name=_("Signatory %(number)s") % {"number": entry.number},
            town="…" if entry.town else "",
            words="…" if entry.words else "",
        )


def write_working_copy(
    file: BinaryIO,
    plans: Sequence[Plan],
    entries: Callable[[Plan], Iterable[ListEntry]],
    *,
    made_on: date,
) -> None:
    """Write the documents of *plans* that have signatures into one PDF for organisers.

    Args:
        file: The file to write.
        plans: At least one. The first is written if none has signatures.
        entries: Returns a plan's entries; called once for each.
        made_on: The covers' date.
    """
    plans = [plan for plan in plans if plan.readiness.signatures] or plans[:1]
    first = plans[0]
    pdf = PdfWriter(
        file,
        title=first.letter.subject if len(plans) == 1 else first.appeal.title,
        author=first.organisation.name,
        made_on=made_on,
        language=first.language.code,
    )
    for number, plan in enumerate(plans):
        if number:
            pdf.next_page()
        pdf_file.lay_out(
            pdf,
            plan.letter,
            cover(plan, code=NO_CODE, made_on=made_on, base_url=""),
            entries(plan),
            other_letters=plan.other_letters,
        )
    pdf.close()
