"""The letter filled in for a state and a language, and its editions."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from campaign.appeal import Appeal
from campaign.participating_state import ParticipatingState


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of the body."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list in the body, such as the persons."""

    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter ready to be laid out."""

    state_code: str
    language: str
    address: tuple[str, ...]
    subject: str
    salutation: str
    body: tuple[Paragraph | Items, ...]
    closing: tuple[str, ...]

    def text(self, words: str = "") -> str:
        """Return the letter as plain text, with a signatory's own *words* in their own place."""
        raise NotImplementedError

    def to_json(self) -> str:
        """Return the form in which an edition keeps the letter."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, text: str) -> "Letter":
        """Return the letter that :meth:`to_json` gave."""
        raise NotImplementedError


def sha256(letter: Letter) -> bytes:
    """Return the SHA-256 of the letter's text, the very file that the site serves."""
    raise NotImplementedError


def compose(appeal: Appeal, state: ParticipatingState, language: str) -> Letter:
    """Return the letter to *state* in *language*."""
    raise NotImplementedError


def current_edition(db: Session, appeal: Appeal, *, now: datetime) -> int:
    """Return the number of the edition that the appeal makes today; keep it in full the first time."""
    raise NotImplementedError


def stored_letter(db: Session, edition: int, language: str, state_code: str) -> Letter:
    """Return the letter as that edition had it."""
    raise NotImplementedError
