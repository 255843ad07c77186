"""Editions: numbered revisions of the letter in all languages, stored in full."""

import hashlib
from datetime import datetime
from functools import lru_cache

from sqlalchemy import ForeignKey, LargeBinary, String, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.appeal.content import Appeal
from campaign.database.table import Base
from campaign.letter.sheet import Letter
from campaign.letter.template import compose
from campaign.reference.language import ENGLISH, finished_languages
from campaign.reference.participating_state import STATES

ATTEMPTS = 10
"""Attempts to insert an edition whose number another process inserts first."""


class LetterEdition(Base):
    """A revision of the letter, to which signatures and deliveries refer."""

    __tablename__ = "letter_edition"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 over the letters in all finished languages, without signatories' words."""
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
    content_hash, letters = _content(appeal)
    for _attempt in range(ATTEMPTS):
        known = known_edition(db, appeal)
        if known is not None:
            return known
        try:
            with db.begin_nested():
                return _store(db, content_hash, letters, now=now)
        except IntegrityError:
            continue
    raise RuntimeError("no number was free for the new edition of the letter")


def known_edition(db: Session, appeal: Appeal) -> int | None:
    """Return the number of the edition with the letters of *appeal*, if it is stored."""
    content_hash, _letters = _content(appeal)
    return db.scalar(select(LetterEdition.number).where(LetterEdition.content_hash == content_hash))


def stored_letter(db: Session, edition: int, language: str, state_code: str) -> Letter:
    """Return a letter of *edition*, in English if the edition lacks *language*.

    Raises:
        sqlalchemy.exc.NoResultFound: The edition does not exist.
    """
    row = db.get(LetterText, (edition, language, state_code))
    if row is None:
        row = db.get_one(LetterText, (edition, ENGLISH.code, state_code))
    return Letter.from_json(row.content)


@lru_cache(maxsize=4)
def _content(appeal: Appeal) -> tuple[bytes, tuple[Letter, ...]]:
    """Return the hash and all letters of *appeal*, cached."""
    letters = tuple(
        compose(appeal, state, language.code)
        for language in finished_languages()
        for state in STATES.values()
    )
    content = "\n".join(letter.to_json() for letter in letters)
    return hashlib.sha256(content.encode()).digest(), letters


def _store(db: Session, content_hash: bytes, letters: tuple[Letter, ...], *, now: datetime) -> int:
    number = (db.scalar(select(func.max(LetterEdition.number))) or 0) + 1
    db.add(LetterEdition(number=number, content_hash=content_hash, first_used_at=now))
    db.flush()
    db.add_all(
        LetterText(
            edition_number=number,
            language=letter.language,
            state_code=letter.state_code,
            content=letter.to_json(),
        )
        for letter in letters
    )
    db.flush()
    return number
