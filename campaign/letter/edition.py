"""Editions: each revision of the letter in all its languages, numbered and kept in full."""

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
"""How often a number is tried for that another process takes first."""


class LetterEdition(Base):
    """A revision of the letter; a signature names the one that was signed, a delivery the one sent."""

    __tablename__ = "letter_edition"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """SHA-256 over the letters in all finished languages, without own words."""
    first_used_at: Mapped[datetime]


class LetterText(Base):
    """One letter of an edition, as it was."""

    __tablename__ = "letter_text"

    edition_number: Mapped[int] = mapped_column(ForeignKey("letter_edition.number"), primary_key=True)
    language: Mapped[str] = mapped_column(String(2), primary_key=True)
    state_code: Mapped[str] = mapped_column(String(2), primary_key=True)
    content: Mapped[str]
    """The letter as JSON."""


def current_edition(db: Session, appeal: Appeal, *, now: datetime) -> int:
    """Return the number of the edition that *appeal* makes; the first time, keep it in full.

    Processes that start together agree on one number: the hash is unique, so of two that
    write, one fails and reads what the other wrote.

    Raises:
        AppealError: A letter cannot be composed; with file and line.
    """
    content_hash, letters = _content(appeal)
    for _attempt in range(ATTEMPTS):
        known = known_edition(db, appeal)
        if known is not None:
            return known
        try:
            with db.begin_nested():
                return _keep(db, content_hash, letters, now=now)
        except IntegrityError:
            continue
    raise RuntimeError("no number was free for the new edition of the letter")


def known_edition(db: Session, appeal: Appeal) -> int | None:
    """Return the number of the edition that *appeal* makes, if it is kept already."""
    content_hash, _letters = _content(appeal)
    return db.scalar(select(LetterEdition.number).where(LetterEdition.content_hash == content_hash))


def stored_letter(db: Session, edition: int, language: str, state_code: str) -> Letter:
    """Return a letter as *edition* had it; in English if that edition did not have *language*.

    Raises:
        sqlalchemy.exc.NoResultFound: There is no such edition.
    """
    row = db.get(LetterText, (edition, language, state_code))
    if row is None:
        row = db.get_one(LetterText, (edition, ENGLISH.code, state_code))
    return Letter.from_json(row.content)


@lru_cache(maxsize=4)
def _content(appeal: Appeal) -> tuple[bytes, tuple[Letter, ...]]:
    """Return the hash and all letters of *appeal*; composed once per process."""
    letters = tuple(
        compose(appeal, state, language.code)
        for language in finished_languages()
        for state in STATES.values()
    )
    content = "\n".join(letter.to_json() for letter in letters)
    return hashlib.sha256(content.encode()).digest(), letters


def _keep(db: Session, content_hash: bytes, letters: tuple[Letter, ...], *, now: datetime) -> int:
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
