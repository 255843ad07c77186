"""What a private page offers for sharing its letter: the public page's address, never the private one."""

from dataclasses import dataclass
from urllib.parse import quote

import segno
from flask import url_for
from flask_babel import gettext as _
from markupsafe import Markup

from campaign.reference.language import Language
from campaign.reference.participating_state import ParticipatingState
from campaign.web.site import letter_to, site


@dataclass(frozen=True)
class SharedLetter:
    """A letter to share; nothing here says who shares it, or that they signed."""

    url: str
    """Absolute address of the letter's public page."""
    title: str
    text: str
    """One sentence to go with the address."""

    @property
    def whatsapp(self) -> str:
        """A link that opens WhatsApp, in which the sharer chooses the recipients."""
        return f"https://wa.me/?text={quote(f'{self.text} {self.url}', safe='')}"

    @property
    def telegram(self) -> str:
        """The same for Telegram."""
        return f"https://t.me/share/url?url={quote(self.url, safe='')}&text={quote(self.text, safe='')}"

    @property
    def email(self) -> str:
        """A link that opens the sharer's own mail program, with no recipient."""
        body = f"{self.text}\r\n\r\n{self.url}"
        return f"mailto:?subject={quote(self.title, safe='')}&body={quote(body, safe='')}"

    @property
    def qr(self) -> Markup:
        """The address as a QR code: SVG without inline style."""
        svg = segno.make(self.url, error="m").svg_inline(
            scale=4, border=2, omitsize=True, svgclass="qr", lineclass=None
        )
        return Markup(svg)  # noqa: S704 -- segno's own markup of an address made by url_for


def shared_letter(language: Language, state: ParticipatingState) -> SharedLetter:
    """Return what is shared of the letter to *state*."""
    return SharedLetter(
        url=site().settings.base_url + url_for("supporter.letter", language=language, state=state),
        title=_("Letter to the delegation of %(name)s", name=state.in_sentence(language.code)),
        text=letter_to(state, language).subject,
    )


def shared_letters(language: Language) -> SharedLetter:
    """Return what is shared of all letters: the home page, where one chooses."""
    return SharedLetter(
        url=site().settings.base_url + url_for("supporter.home", language=language),
        title=site().appeal.in_language(language.code).title,
        text=_("Read the letter to your State’s delegation to the OSCE, and sign it."),
    )
