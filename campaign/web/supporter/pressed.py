"""What a button of the private page sends: what the page showed, and the letters that were chosen on it."""

from typing import NamedTuple

from werkzeug.datastructures import MultiDict

from campaign.signature.shown import Shown

LETTERS = "letters"
"""The form field that narrows an act to some letters. A page of several also sends an empty one, so that
no letter at all is not taken for all."""


class Pressed(NamedTuple):
    """A press of a button."""

    pages: tuple[Shown, ...]
    """What the page showed of each letter that the button is to act on."""
    is_shown: bool
    """Whether the page showed all of that."""
    is_narrowed: bool
    """Whether the page lets its reader choose among letters."""

    @property
    def letter(self) -> str:
        """The State of the page's letter; empty for a page of several."""
        return self.pages[0].state_code if self.pages and not self.is_narrowed else ""

    @property
    def is_empty(self) -> bool:
        """Whether no letter was chosen."""
        return self.is_narrowed and self.is_shown and not self.pages


def read_pressed(form: MultiDict[str, str]) -> Pressed:
    """Return what *form* says; other fields are left to the view."""
    shown = [Shown.parse(text) for text in dict.fromkeys(form.getlist("shown")) if text]
    pages = tuple(page for page in shown if page is not None)
    chosen, is_narrowed = set(form.getlist(LETTERS)) - {""}, LETTERS in form
    return Pressed(
        pages=tuple(page for page in pages if not is_narrowed or page.state_code in chosen),
        is_shown=len(pages) == len(shown) and chosen <= {page.state_code for page in pages},
        is_narrowed=is_narrowed,
    )
