"""What a phone loads before a supporter sees a page: little, in each language."""

import html
import re
from pathlib import Path
from urllib.parse import urljoin

from flask.testing import FlaskClient

from campaign.appeal.content import Appeal
from campaign.paths import STATIC
from campaign.reference.language import Language
from tests.web.conftest import Supporter

FIRST_VIEW_BYTES = 40 * 1024

FIRST_HEADERS_BYTES, FURTHER_HEADERS_BYTES = 700, 150
"""The headers of the first answer, and of the others: HTTP/2 sends those that repeat as references."""


def test_the_first_view_is_small_in_each_language(supporter: Supporter, appeal: Appeal) -> None:
    supporter.sign()
    too_large = {}

    for language in appeal.languages:
        for page in ("", "letters/de", "progress", f"signature/{supporter.token}"):
            path = f"/{language.code}/{page}"
            text = supporter.client.get(path).text
            loads = loaded_files(text)
            assert set(language.fonts) <= {Path(each).stem.removeprefix("letter-") for each in loads}
            assert further_characters(text, language) == "", path
            size = first_view(supporter.client, path, loads)
            if size > FIRST_VIEW_BYTES:
                too_large[path] = size

    assert too_large == {}


def test_the_first_view_is_blocked_by_one_stylesheet_only(visitor: FlaskClient) -> None:
    for path in ("/en/", "/en/letters/de", "/en/progress"):
        page = visitor.get(path).text
        assert len(re.findall(r'<link rel="stylesheet"', page.partition("</head>")[0])) == 1
        assert all(" defer" in script for script in re.findall(r"<script[^>]*>", page))


def test_a_stylesheet_and_its_fonts_share_an_address_that_browsers_keep(visitor: FlaskClient) -> None:
    [style] = re.findall(r'<link rel="stylesheet" href="([^"]+)"', visitor.get("/en/").text)
    fonts = re.findall(r'url\("([^"]+)"\)', (STATIC / "campaign.css").read_text())
    assert {STATIC / font for font in fonts} == set(STATIC.glob("fonts/*.woff2"))

    for url in [style, *(urljoin(style, font) for font in fonts)]:
        with visitor.get(url) as answer:
            assert answer.status_code == 200
            assert "immutable" in answer.headers["Cache-Control"]


def loaded_files(page: str) -> set[str]:
    return set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page))


def first_view(client: FlaskClient, path: str, loads: set[str]) -> int:
    """Return the bytes that a browser without a cache loads for a page."""
    headers = FIRST_HEADERS_BYTES + FURTHER_HEADERS_BYTES * len(loads)
    return sum(weight(client, url) for url in [path, *loads]) + headers


def weight(client: FlaskClient, url: str) -> int:
    """Return the bytes of an answer as a browser gets it."""
    with client.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.status_code == 200
        return len(answer.data)


def further_characters(page: str, language: Language) -> str:
    """Return the characters of a page for which it would load further fonts, or mix two in a word."""
    faces = {
        name: {code for each in ranges.split(", ") for code in codes(each)}
        for name, ranges in re.findall(
            r"letter-([\w-]+)\.woff2.*unicode-range: ([^;]+);", (STATIC / "campaign.css").read_text()
        )
    }
    own = set.intersection(*(faces[font] for font in language.fonts))
    # Latin letters on a Cyrillic page are the system's.
    others = faces["serif-cyrillic"] if language.is_cyrillic else set.union(*faces.values())
    return "".join(sorted(map(chr, (drawn(page) & others) - own)))


def drawn(page: str) -> set[int]:
    """Return the characters of a page, but those that the browser draws with the system's font."""
    body = page[page.index("<body") :]
    body = re.sub(r'<nav class="languages".*?</nav>|<option[^>]*>[^<]*|<[^>]*>', "", body, flags=re.DOTALL)
    return set(map(ord, html.unescape(body)))


def codes(unicode_range: str) -> range:
    first, _, last = unicode_range.removeprefix("U+").partition("-")
    return range(int(first, 16), int(last or first, 16) + 1)
