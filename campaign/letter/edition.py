"""Editions: numbered revisions of the letter in all languages, stored in full."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import ForeignKey, LargeBinary, String, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.appeal.content import Appeal
from campaign.database.table import Base
from campaign.errors import AlteredError
from campaign.letter.sheet import Letter
from campaign.letter.template import compose
from campaign.reference.participating_state import STATES
from campaign.sealing import campaign_key, row_mac
from campaign.sealing.row_mac import Authentic

ATTEMPTS = 10
"""Attempts to insert an edition whose number another process inserts first."""


class Version(NamedTuple):
    """An edition in one language: what a signatory read and signed."""

    edition: int
    language: str

    def __str__(self) -> str:
        return f"{self.edition} ({self.language})"


class LetterEdition(Authentic, Base):
    """A revision of the letter, to which signatures and deliveries refer."""

    __tablename__ = "letter_edition"
    authentic = ("number", "content_hash")

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 over the letters in all languages of the campaign, without signatories' words."""
    first_used_at: Mapped[datetime]


class LetterText(Base):
    """The letter of an edition to one state in one language."""

    __tablename__ = "letter_text"

    edition_number: Mapped[int] = mapped_column(ForeignKey("letter_edition.number"), primary_key=True)
    language: Mapped[str] = mapped_column(String(2), primary_key=True)
    state_code: Mapped[str] = mapped_column(String(2), primary_key=True)
    content: Mapped[str]
    """The letter as JSON."""


def current_edition(db: Session, appeal: Appeal, *, now: datetime) -> int:
    """Return the number of the edition with the letters of *appeal*; store a new one.

    Processes that start together agree on one number: the hash is unique, so of two inserts
    one fails, and its process reads the other's row.

    Raises:
        AppealError: A letter cannot be composed; the message gives file and line.
    """
    content_hash = _content_hash(appeal)
    for _attempt in range(ATTEMPTS):
        row = _find(db, content_hash)
        if row is not None and _is_trusted(db, row):
            return row.number
        try:
            with db.begin_nested():
                if row is not None:  # an altered one stays altered, and has this hash no longer
                    row.content_hash = os.urandom(32)
                    db.flush()
                return _store(db, content_hash, _texts(appeal), now=now)
        except IntegrityError:
            continue
    raise RuntimeError("no number was free for the new edition of the letter")


def known_edition(db: Session, appeal: Appeal) -> int | None:
    """Return the number of the edition with the letters of *appeal*, if it is stored."""
    row = _find(db, _content_hash(appeal))
    return row.number if row is not None and _is_trusted(db, row) else None


def stored_letters(db: Session, edition: int, state_code: str) -> Mapping[str, Letter]:
    """Return the letters of *edition* to one state, by language.

    Raises:
        AlteredError: Somebody changed the edition in the database, or removed it.
    """
    texts = _genuine_texts(db, edition)
    return {
        language: Letter.from_json(text) for (language, code), text in texts.items() if code == state_code
    }


def altered_editions(db: Session) -> Iterator[int]:
    """Yield the numbers of the editions that somebody changed in the database."""
    for number in db.scalars(select(LetterEdition.number).order_by(LetterEdition.number)).all():
        try:
            _genuine_texts(db, number)
        except AlteredError:
            yield number


def _genuine_texts(db: Session, number: int) -> Mapping[tuple[str, str], str]:
    """Return all texts of an edition by language and state; its hash is over all of them.

    Raises:
        AlteredError: Somebody changed the edition in the database, or removed it.
    """
    row = db.get(LetterEdition, number, populate_existing=True)
    columns = select(LetterText.language, LetterText.state_code, LetterText.content)
    rows = db.execute(columns.where(LetterText.edition_number == number))
    texts = {(language, state_code): content for language, state_code, content in rows}
    if row is None or not row_mac.is_genuine(db, row) or _hash(texts) != row.content_hash:
        raise AlteredError(f"edition {number} of the letter was changed in the database")
    return texts


def _find(db: Session, content_hash: bytes) -> LetterEdition | None:
    found = select(LetterEdition).where(LetterEdition.content_hash == content_hash)
    return db.scalar(found, execution_options={"populate_existing": True})


def _is_trusted(db: Session, row: LetterEdition) -> bool:
    # An emergency destroys the key of the MACs; nothing is signed or delivered after it.
    return row_mac.is_genuine(db, row) or campaign_key.destroyed_at(db) is not None


def _texts(appeal: Appeal) -> dict[tuple[str, str], str]:
    """Return all letters of *appeal* as JSON, by language and state."""
    return {
        (language.code, state.code): compose(appeal, state, language.code).to_json()
        for language in appeal.languages
        for state in STATES.values()
    }


@lru_cache(maxsize=4)
def _content_hash(appeal: Appeal) -> bytes:
    return _hash(_texts(appeal))


def _hash(texts: Mapping[tuple[str, str], str]) -> bytes:
    """Return the hash of an edition's texts by language and state."""
    digest = hashlib.sha256()
    for key in sorted(texts):
        digest.update(texts[key].encode() + b"\n")
    return digest.digest()


def _store(db: Session, content_hash: bytes, texts: Mapping[tuple[str, str], str], *, now: datetime) -> int:
    number = (db.scalar(select(func.max(LetterEdition.number))) or 0) + 1
    edition = LetterEdition(number=number, content_hash=content_hash, first_used_at=now)
    row_mac.sign(db, edition)
    db.add(edition)
    db.flush()
    rows = [
        {"edition_number": number, "language": language, "state_code": state_code, "content": content}
        for (language, state_code), content in texts.items()
    ]
    db.execute(insert(LetterText), rows)
    return number
