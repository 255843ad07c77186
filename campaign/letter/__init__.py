"""The letter: its layout as text, composing it for a state and a language, and its editions."""

from campaign.letter.edition import (
    LetterEdition,
    LetterText,
    current_edition,
    known_edition,
    stored_letter,
)
from campaign.letter.sheet import Items, Letter, Paragraph, sha256
from campaign.letter.template import compose

__all__ = [
    "Items",
    "Letter",
    "LetterEdition",
    "LetterText",
    "Paragraph",
    "compose",
    "current_edition",
    "known_edition",
    "sha256",
    "stored_letter",
]
