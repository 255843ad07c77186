"""A composed letter: blocks for pages and PDFs, plain text for files and mails."""

import hashlib
import json
import textwrap
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from campaign.reference.language import wording

WIDTH = 72
"""Characters per line of the plain text, so that mail programs do not wrap it."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of the body."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True)
class Items:
    """A list in the body, such as that of the persons."""

    kind: ClassVar[str] = "items"
    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Letter:
    """The letter to one state's delegation, in one language."""

    state_code: str
    language: str
    address: tuple[str, ...]
    subject: str
    salutation: str
    body: tuple[Paragraph | Items, ...]
    closing: tuple[str, ...]

    def text(self, words: str = "") -> str:
        """Return the letter as plain text.

        Args:
            words: A signatory's own paragraphs, which are indented between body and closing,
                under a heading that attributes them to the signatory.
        """
        blocks = ["\n".join(self.address), _wrapped(self.subject), _wrapped(self.salutation)]
        blocks += [_block_text(block) for block in self.body]
        if words.strip():
            blocks.append(_own_words(words, self.language))
        blocks.append("\n".join(_wrapped(line) for line in self.closing))
        return "\n\n".join(blocks) + "\n"

    def to_json(self) -> str:
        """Return the canonical JSON in which an edition stores the letter."""
        # Not asdict, which copies each text: all letters are hashed at each start.
        content = vars(self) | {"body": [{"kind": block.kind, **vars(block)} for block in self.body]}
        return json.dumps(content, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the letter whose :meth:`to_json` is *text*."""
        content: dict[str, Any] = json.loads(text)
        content["address"] = tuple(content["address"])
        content["closing"] = tuple(content["closing"])
        content["body"] = tuple(
            Items(tuple(block["items"])) if block["kind"] == Items.kind else Paragraph(block["text"])
            for block in content["body"]
        )
        return cls(**content)


def sha256(letter: Letter) -> bytes:
    """Return the SHA-256 of the plain text without a signatory's words, which the site offers as a file."""
    return hashlib.sha256(letter.text().encode()).digest()


def shown_text(letter: Letter) -> str:
    """Return a digest by which a form says what letter stood above it."""
    return hashlib.blake2b(letter.to_json().encode(), digest_size=8).hexdigest()


def _wrapped(text: str, first: str = "", rest: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _block_text(block: Paragraph | Items) -> str:
    if isinstance(block, Items):
        return "\n".join(_wrapped(item, "- ", "  ") for item in block.items)
    return _wrapped(block.text)


def _own_words(words: str, language: str) -> str:
    heading = wording(language).gettext("In the signatory’s own words:")
    paragraphs = [line for line in words.splitlines() if line.strip()]
    return "\n\n".join([heading, *(_wrapped(line, "    ", "    ") for line in paragraphs)])
