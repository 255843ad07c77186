"""The parts of a translation: each is what a native reader reads, and an owner records, in one go."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any

from campaign.appeal.content import Appeal, Texts
from campaign.letter.sheet import Items, Letter
from campaign.letter.template import compose
from campaign.reference.catalogue_page import TranslatedText, texts_by_group
from campaign.reference.participating_state import STATES, ParticipatingState

LETTER = "letter/"
PAGE = "page/"

APPEAL = "appeal"
"""The page of the campaign's own texts, which several pages show."""

_DIGEST_BYTES = 8


@dataclass(frozen=True)
class Part:
    """A letter, or the texts of some pages, as they are now."""

    key: str
    """``letter/de``, the letter to a state; or ``page/home``, the texts of a group of pages."""
    texts: tuple[TranslatedText, ...]

    @property
    def is_letter(self) -> bool:
        """Whether it is a letter."""
        return self.key.startswith(LETTER)

    @property
    def name(self) -> str:
        """The state's code, or the name of the group of pages."""
        return self.key.partition("/")[2]

    @property
    def state(self) -> ParticipatingState | None:
        """The state of a letter."""
        return STATES[self.name] if self.is_letter else None

    @property
    def missing(self) -> int:
        """The number of texts without a translation."""
        return sum(not text.translation for text in self.texts)

    @cached_property
    def digests(self) -> str:
        """The digest of each text, with a space between them, as a check stores them."""
        return " ".join(map(_digest, self.texts))

    def changed_since(self, digests: str) -> list[TranslatedText]:
        """Return the texts that are not among those of *digests*, in their order."""
        seen = frozenset(digests.split())
        return [text for text in self.texts if _digest(text) not in seen]


def letter_part(letter: Letter) -> Part:
    """Return *letter* as a part, with a text for each paragraph and each item of a list."""
    paragraphs = ["\n".join(letter.address), letter.subject, letter.salutation]
    for block in letter.body:
        paragraphs += block.items if isinstance(block, Items) else (block.text,)
    texts = (TranslatedText("", each) for each in (*paragraphs, "\n".join(letter.closing)))
    return Part(f"{LETTER}{letter.state_code}", tuple(texts))


def parts(appeal: Appeal, code: str) -> list[Part]:
    """Return the parts of the translation into the language *code*, the letters first.

    Letters and the campaign's own texts are missing if the campaign is not offered in it.
    """
    pages = [Part(f"{PAGE}{name}", texts) for name, texts in texts_by_group(code).items() if texts]
    if code not in appeal.translations:
        return pages
    letters = (letter_part(compose(appeal, state, code)) for state in STATES.values())
    own_texts = Part(f"{PAGE}{APPEAL}", _appeal_texts(appeal, appeal.translations[code]))
    return [*letters, own_texts, *pages]


def shown_texts(parts: Iterable[Part]) -> str:
    """Return a digest by which a form says what texts its page offered to check."""
    texts = "\n".join(f"{part.key} {part.digests}" for part in parts)
    return hashlib.blake2b(texts.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _appeal_texts(english: Texts, translation: Texts) -> tuple[TranslatedText, ...]:
    pairs = (_pairs(getattr(english, each.name), getattr(translation, each.name)) for each in fields(Texts))
    # States share instruments, each of which is read once.
    return tuple(dict.fromkeys(pair for each in pairs for pair in each))


def _pairs(english: Any, translation: Any) -> Iterator[TranslatedText]:
    """Yield the texts that differ between the two, which have the same shape."""
    if is_dataclass(english):
        english, translation = vars(english), vars(translation)
    if isinstance(english, Mapping):
        english, translation = tuple(english.values()), tuple(translation[key] for key in english)
    if isinstance(english, tuple):
        for one, other in zip(english, translation, strict=True):
            yield from _pairs(one, other)
    elif isinstance(english, str) and english != translation:
        yield TranslatedText(english, translation)


def _digest(text: TranslatedText) -> str:
    return hashlib.blake2b("\n".join(text).encode(), digest_size=_DIGEST_BYTES).hexdigest()
