"""Read the mails that the site sends, as their recipients do."""

import hashlib
import io
import re
from dataclasses import dataclass
from email.message import EmailMessage

from pypdf import PdfReader

from tests.support.relay import Relay
from tests.support.worker import eventually

_LINK = re.compile(r"^https?://\S+/[a-z]{2}/signature/[0-9A-Z]{20}$", re.MULTILINE)
_CODE = re.compile(r"^[0-9A-Z]{4}(?:-[0-9A-Z]{4}){4}$", re.MULTILINE)
_MARKUP = re.compile(r"<style>.*?</style>|<[^>]+>", re.DOTALL)


@dataclass(frozen=True)
class Mail:
    """A mail in a mailbox."""

    message: EmailMessage

    @property
    def text(self) -> str:
        """Its plain part."""
        return self._part("plain")

    @property
    def link(self) -> str:
        """The private link, alone on its line."""
        return _found(_LINK, self.text)

    @property
    def code(self) -> str:
        """The code to type if the link does not open."""
        return _found(_CODE, self.text)

    @property
    def shown(self) -> str:
        """What a mailbox shows: sender, subject and both bodies, without markup."""
        html = _MARKUP.sub(" ", self._part("html"))
        return "\n".join([str(self.message["From"]), str(self.message["Subject"]), self.text, html])

    @property
    def html(self) -> str:
        """Its HTML part."""
        return self._part("html")

    @property
    def document(self) -> "Document":
        """Its only attachment, a PDF."""
        [attachment] = self.message.iter_attachments()
        assert attachment.get_content_type() == "application/pdf"
        content = attachment.get_content()
        assert isinstance(content, bytes)
        return Document(content)

    def _part(self, kind: str) -> str:
        body = self.message.get_body((kind,))
        assert body is not None, f"no {kind} part"
        content = body.get_content()
        assert isinstance(content, str)
        return "\n".join(content.splitlines())


@dataclass(frozen=True)
class Document:
    """A PDF: its bytes and its text."""

    content: bytes

    @property
    def text(self) -> str:
        """Its text, with single spaces."""
        pages = PdfReader(io.BytesIO(self.content)).pages
        return " ".join(" ".join(page.extract_text() for page in pages).split())

    @property
    def code(self) -> str:
        """The code on the cover, by which the site verifies it."""
        found = re.search(r"Code: (\S+)", self.text)
        assert found, "no code on the cover"
        return found[1]

    @property
    def sha256(self) -> str:
        """The hash of its bytes."""
        return hashlib.sha256(self.content).hexdigest()


def received(relay: Relay, address: str) -> list[Mail]:
    """Return the mails to *address* so far, in the order of their arrival."""
    return [Mail(message) for message in list(relay.received) if str(message["To"]) == address]


def wait_for(relay: Relay, address: str, at: int = 0) -> Mail:
    """Wait for mail number *at* to *address*, from 0."""
    assert eventually(lambda: len(received(relay, address)) > at), f"mail number {at} did not arrive"
    return received(relay, address)[at]


def _found(pattern: re.Pattern[str], text: str) -> str:
    [found] = pattern.findall(text)
    return str(found)
