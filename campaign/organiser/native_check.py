"""What native readers have checked of the translations, and what has changed since.

A check stores a digest of each text that was read. While all texts are the same, the check is current.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaign.appeal.content import Appeal
from campaign.database.table import Base, upsert
from campaign.letter.sheet import Letter
from campaign.letter.template import compose
from campaign.organiser import audit_log
from campaign.organiser.translation_part import LETTER, Part, letter_part, parts
from campaign.reference.catalogue_page import TranslatedText
from campaign.reference.language import ENGLISH
from campaign.reference.participating_state import STATES


class NativeCheck(Base):
    """The last check of one part of a translation by a native reader."""

    __tablename__ = "native_check"

    language: Mapped[str] = mapped_column(String(2), primary_key=True)
    part: Mapped[str] = mapped_column(String(40), primary_key=True)
    """The key of a :class:`~campaign.organiser.translation_part.Part`."""
    reader: Mapped[str]
    """The name that the native reader chose to be known by, among organisers only."""
    checked_on: Mapped[date]
    digests: Mapped[str]
    """The digests of the texts that were read."""


@dataclass(frozen=True)
class Status:
    """A part of a translation with its last check."""

    part: Part
    check: NativeCheck | None

    @property
    def is_current(self) -> bool:
        """Whether a native reader has checked it as it is now."""
        return self.check is not None and self.check.digests == self.part.digests

    @property
    def is_outdated(self) -> bool:
        """Whether its text changed since the last check."""
        return self.check is not None and not self.is_current

    @property
    def changed(self) -> list[TranslatedText]:
        """The texts that are new since the last check; none without a check."""
        return self.part.changed_since(self.check.digests) if self.check else []


def statuses(db: Session, appeal: Appeal, language: str) -> list[Status]:
    """Return the parts of the translation into *language*, letters first, each with its last check."""
    found = db.scalars(select(NativeCheck).where(NativeCheck.language == language))
    checks = {check.part: check for check in found}
    return [Status(part, checks.get(part.key)) for part in parts(appeal, language)]


def is_unchecked(db: Session, letter: Letter) -> bool:
    """Whether *letter* is a translation that no native reader has checked as it is."""
    if letter.language == ENGLISH.code:
        return False
    part = letter_part(letter)
    return not Status(part, db.get(NativeCheck, (letter.language, part.key))).is_current


def letter_checks(db: Session) -> frozenset[tuple[str, str, str]]:
    """Return the language, part and digests of each check of a letter."""
    columns = select(NativeCheck.language, NativeCheck.part, NativeCheck.digests)
    rows = db.execute(columns.where(NativeCheck.part.startswith(LETTER)))
    return frozenset((language, part, digests) for language, part, digests in rows)


class CheckedLetters:
    """Remembers which letters are as their check saw them, until the checks or the letters change."""

    def __init__(self) -> None:
        self._of: tuple[Appeal, frozenset[tuple[str, str, str]]] | None = None
        self._letters: frozenset[tuple[str, str]] = frozenset()

    def of(self, appeal: Appeal, checks: frozenset[tuple[str, str, str]]) -> frozenset[tuple[str, str]]:
        """Return language and state of the letters of *appeal* that are as one of *checks* saw them."""
        if self._of is None or self._of[0] is not appeal or self._of[1] != checks:
            self._letters = frozenset(
                (language, key.removeprefix(LETTER))
                for language, key, digests in checks
                if language in appeal.letters
                and letter_part(compose(appeal, STATES[key.removeprefix(LETTER)], language)).digests
                == digests
            )
            self._of = appeal, checks
        return self._letters


def record(
    db: Session,
    language: str,
    checked: Collection[Part],
    *,
    reader: str,
    checked_on: date,
    by: str,
    now: datetime,
) -> None:
    """Record that *reader* has checked these parts as they are now, in place of their earlier checks."""
    for part in checked:
        check = {"reader": reader, "checked_on": checked_on, "digests": part.digests}
        row = upsert(db, NativeCheck).values(language=language, part=part.key, **check)
        db.execute(row.on_conflict_do_update(index_elements=["language", "part"], set_=check))
    _log(db, "check translation", language, checked, by=by, now=now)


def take_back(db: Session, language: str, unchecked: Collection[Part], *, by: str, now: datetime) -> None:
    """Delete the checks of these parts, so that they count as unchecked."""
    keys = [part.key for part in unchecked]
    db.execute(delete(NativeCheck).where(NativeCheck.language == language, NativeCheck.part.in_(keys)))
    _log(db, "take back check", language, unchecked, by=by, now=now)


def _log(db: Session, act: str, language: str, about: Collection[Part], *, by: str, now: datetime) -> None:
    audit_log.record(db, by, act, " ".join([language, *sorted(part.key for part in about)]), now=now)
