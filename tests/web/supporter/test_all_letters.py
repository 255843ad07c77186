"""Every letter in every language: as page, as text, and as PDF."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from campaign.appeal.content import Appeal
from campaign.letter.sheet import Items, Letter
from campaign.letter.template import compose
from campaign.reference.participating_state import STATES
from tests.journeys.mailbox import Document

pytestmark = pytest.mark.any_database


def test_letters_of_each_kind_and_to_each_state_are_page_text_and_pdf_in_every_language(
    client: FlaskClient, appeal: Appeal
) -> None:
    """Each state in one language, one of each kind in all; other tests compare all texts with the facts.

    A PDF is laid out in the same way whatever its kind: each language and each kind has one.
    """
    kinds = {each.ask: code for code, each in appeal.instruments.items()}
    for number, language in enumerate(appeal.languages):
        of_this_language = list(STATES)[number :: len(appeal.languages)]
        for code in {*kinds.values(), *of_this_language}:
            letter, url = compose(appeal, STATES[code], language.code), f"/{language.code}/letters/{code}"
            assert client.get(f"{url}.txt").text == letter.text()
            page = client.get(url).text
            assert f'<html lang="{language.code}"' in page
            shown = plain(unescape(re.sub(r"<[^>]+>", " ", page)))
            assert [part for part in parts(letter) if part not in shown] == [], url
        for code in list(kinds.values())[number :: len(appeal.languages)]:
            letter = compose(appeal, STATES[code], language.code)
            printed = Document(client.get(f"/{language.code}/letters/{code}.pdf").data).text
            assert plain(letter.salutation) in printed
            assert plain(letter.closing[0]) in printed


def parts(letter: Letter) -> list[str]:
    """Return subject, salutation, paragraphs, items and closing, as one reads them."""
    body = [
        text for block in letter.body for text in (block.items if isinstance(block, Items) else [block.text])
    ]
    return [plain(each) for each in (letter.subject, letter.salutation, *body, *letter.closing)]


def plain(text: str) -> str:
    return " ".join(text.split())
