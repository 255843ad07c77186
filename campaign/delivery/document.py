"""The document of a delivery, built in memory: letter, cover and list in one PDF."""

import hashlib
import io
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from email.headerregistry import Address
from email.message import EmailMessage
from typing import BinaryIO
from uuid import UUID

from sqlalchemy.orm import Session

from campaign.delivery.plan import Plan
from campaign.letter.edition import stored_letter
from campaign.letter.sheet import Letter
from campaign.letter.template import compose
from campaign.mail.message import address, addressed
from campaign.reference.language import Language, wording
from campaign.sealing.code import grouped
from campaign.settings import Settings
from campaign.signature_list import pdf_file, reading
from campaign.signature_list.cover import Cover
from campaign.signature_list.pdf_page import Sheet
from campaign.signature_list.row import Row

NO_CODE = ""
"""On what is delivered to nobody: a test, a working copy, a preview."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A finished document; it is sent and then gone, only its hash is kept."""

    pdf: bytes
    letter: Letter
    edition: int
    numbers: tuple[tuple[int, UUID], ...]
    """Row numbers, and whose signature each is."""
    romanised: int
    """Names in a script that the document cannot print, shown in Latin letters instead."""

    @property
    def list_hash(self) -> bytes:
        """SHA-256 of the PDF."""
        return hashlib.sha256(self.pdf).digest()


def build(
    db: Session,
    plan: Plan,
    private_key: bytes,
    *,
    edition: int,
    language: Language,
    code: str,
    made_on: date,
    base_url: str,
    as_test: bool = False,
) -> Document:
    """Build the document that *plan* describes.

    Args:
        db: Read only.
        plan: What the delivery would be.
        private_key: The campaign's.
        edition: The number of the letter's current edition.
        language: The letter's.
        code: What the site answers for, printed on the cover.
        made_on: The cover's date.
        base_url: The site's address, for the cover.
        as_test: Print made-up entries in place of the names, for a mailbox that should not hold them.
    """
    composed = compose(plan.appeal, plan.state, language.code)
    earlier = _earlier(db, plan, composed, edition)
    numbers: list[tuple[int, UUID]] = []
    rows = _rows(db, plan, private_key, edition, earlier)
    file = io.BytesIO()
    report = pdf_file.write_delivery(
        file,
        composed,
        cover(plan, language, code=code, made_on=made_on, base_url=base_url),
        _masked(rows) if as_test else _noting(rows, numbers),
        edition=edition,
        earlier=earlier,
        language=language.code,
    )
    return Document(
        pdf=file.getvalue(),
        letter=composed,
        edition=edition,
        numbers=tuple(numbers),
        romanised=report.romanised,
    )


def write_working_copy(
    file: BinaryIO,
    db: Session,
    plans: Sequence[Plan],
    private_key: bytes,
    *,
    edition: int,
    language: Language,
    made_on: date,
) -> None:
    """Write what the delegations of *plans* would get, one after the other, for organisers to read."""
    first = plans[0]
    alone = compose(first.appeal, first.state, language.code).subject
    sheet = Sheet(
        file,
        title=alone if len(plans) == 1 else first.appeal.title,
        author=first.organisation.name,
        made_on=made_on,
        language=language.code,
    )
    for number, plan in enumerate(plans):
        if number:
            sheet.next_page()
        composed = compose(plan.appeal, plan.state, language.code)
        earlier = _earlier(db, plan, composed, edition)
        pdf_file.lay_out(
            sheet,
            composed,
            cover(plan, language, code=NO_CODE, made_on=made_on, base_url=""),
            (row for _id, row in _rows(db, plan, private_key, edition, earlier)),
            edition=edition,
            earlier=earlier,
            language=language.code,
        )
    sheet.close()


def message(
    settings: Settings, plan: Plan, document: Document, *, recipient: str, code: str, as_test: bool = False
) -> EmailMessage:
    """Return the message that carries *document*: the letter as text, letter with list as a PDF."""
    _ = wording(document.letter.language).gettext
    mail = addressed(settings, recipient)
    if plan.organisation.name:
        sender = address(settings.mail_from)
        mail.replace_header("From", Address(plan.organisation.name, sender.username, sender.domain))
    if plan.organisation.contact:
        mail["Reply-To"] = address(plan.organisation.contact)
    subject = document.letter.subject
    mail["Subject"] = _("Test: %(subject)s") % {"subject": subject} if as_test else subject
    mail["Content-Language"] = document.letter.language
    notes = [_("The letter and the list of its signatories are attached as one PDF.")]
    if code:
        url = verify_url(settings.base_url, document.letter.language, code)
        notes.append(_("What was sent can be checked at %(url)s") % {"url": url})
    imprint = f"{plan.organisation.name}, {plan.organisation.seat}\n{plan.organisation.contact}"
    about = "\n".join(notes)
    mail.set_content(f"{document.letter.text().rstrip()}\n\n-- \n{about}\n\n{imprint}\n")
    mail.add_attachment(
        document.pdf,
        maintype="application",
        subtype="pdf",
        filename=f"letter-and-list-{plan.state.code}.pdf",
    )
    return mail


def verify_url(base_url: str, language: str, code: str) -> str:
    """Return where the site answers for the delivery with *code*."""
    return f"{base_url}/{language}/verify/{grouped(code)}"


def cover(plan: Plan, language: Language, *, code: str, made_on: date, base_url: str) -> Cover:
    """Return what the cover of the delivery that *plan* describes says."""
    return Cover(
        code=code,
        made_on=made_on,
        organisation=plan.organisation.name,
        seat=plan.organisation.seat,
        contact=plan.organisation.contact,
        state_name=plan.state.name(language.code),
        total=plan.total,
        named=plan.named,
        by_residence=plan.by_residence,
        own_residence=plan.state.code.upper(),
        withdrawn=plan.withdrawn,
        removed=0,
        verify_url=verify_url(base_url, language.code, code),
        nonce=secrets.token_hex(16),
        names_withheld=plan.names_withheld,
    )


def rows(db: Session, plan: Plan, private_key: bytes, *, edition: int, language: Language) -> Iterator[Row]:
    """Yield the rows of the list that the delivery would bring, in its order."""
    composed = compose(plan.appeal, plan.state, language.code)
    earlier = _earlier(db, plan, composed, edition)
    return (row for _id, row in _rows(db, plan, private_key, edition, earlier))


def _rows(
    db: Session, plan: Plan, private_key: bytes, edition: int, earlier: Collection[int]
) -> Iterator[tuple[UUID, Row]]:
    if plan.names_withheld:
        return
    others = reading.editions_listed(db, plan.state.code, edition, plan.names_from)
    # A new edition need not have changed this state's letter: who signed the same words stands with the rest.
    alike = [edition, *(number for number in others if number not in earlier)]
    groups = [alike, *([number] for number in others if number in earlier)]
    listed = reading.for_delegation(db, plan.state.code, private_key, editions=groups, since=plan.names_from)
    for signature_id, row in listed:
        yield signature_id, replace(row, edition=edition) if row.edition in alike[1:] else row


def _earlier(db: Session, plan: Plan, composed: Letter, edition: int) -> dict[int, Letter]:
    """Return the letter of each other edition whose text differs from *composed*."""
    if plan.names_withheld:
        return {}
    numbers = reading.editions_listed(db, plan.state.code, edition, plan.names_from)
    stored = {number: stored_letter(db, number, composed.language, plan.state.code) for number in numbers}
    return {number: text for number, text in stored.items() if text != composed}


def _noting(listed: Iterator[tuple[UUID, Row]], numbers: list[tuple[int, UUID]]) -> Iterator[Row]:
    for signature_id, row in listed:
        numbers.append((row.number, signature_id))
        yield row


def _masked(listed: Iterator[tuple[UUID, Row]]) -> Iterator[Row]:
    for _id, row in listed:
        words = "…" if row.words else ""
        yield replace(row, name=f"Signatory {row.number}", town="…" if row.town else "", words=words)
