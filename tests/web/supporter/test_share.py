"""What a shared link shows: its tags, and its picture."""

import io
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from html import unescape
from itertools import islice

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from campaign.appeal import reading
from campaign.paths import TEMPLATES
from campaign.reference.language import LANGUAGES
from campaign.reference.participating_state import STATES
from campaign.web import share_picture

pytestmark = pytest.mark.any_database

BASE = "http://127.0.0.1:8000"


def tags(page: str) -> dict[str, str]:
    found = re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]+)" content="([^"]*)">', page)
    return {name: unescape(content) for name, content in found}


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/en/", reading.load().title),
        ("/en/letters/nl", "Letter to the delegation of the Netherlands"),
    ],
)
def test_a_shared_page_names_itself_and_its_picture(visitor: FlaskClient, path: str, title: str) -> None:
    shown = tags(visitor.get(path + "?utm_source=x").text)

    assert (shown["og:title"], shown["og:url"]) == (title, BASE + path)
    assert shown["twitter:card"] == "summary_large_image"
    assert shown["og:description"]
    assert shown["og:image:alt"]
    answer = visitor.get(shown["og:image"].removeprefix(BASE))
    assert answer.content_type == "image/png"
    size = int(shown["og:image:width"]), int(shown["og:image:height"])
    assert Image.open(io.BytesIO(answer.data)).size == size == (1200, 630)


def test_a_picture_is_small_cached_for_long_and_the_same_for_everyone(visitor: FlaskClient) -> None:
    first = visitor.get("/share/en/de.png")

    assert len(first.data) < 120_000
    assert "max-age=604800" in first.headers["Cache-Control"]
    again = visitor.get("/share/en/de.png", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert visitor.get("/share/en/fr.png").data != first.data


def test_many_pictures_at_once_leave_threads_for_pages(
    visited: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share_picture, "_DRAWN", {})

    def fetch(_number: int) -> int:
        return visited.test_client().get("/share/en/de.png").status_code

    with ThreadPoolExecutor(10) as threads:
        with share_picture._ONE_AT_A_TIME:  # somebody's picture is being drawn
            asked = [threads.submit(fetch, number) for number in range(10)]
            answered = as_completed(asked, timeout=60)  # or a site without the limit would be waited for
            refused = [each.result() for each in islice(answered, 10 - share_picture.MOST_WAITING)]
        statuses = Counter(each.result() for each in asked)

    assert set(refused) == {503}
    assert statuses == {200: share_picture.MOST_WAITING, 503: 10 - share_picture.MOST_WAITING}
    assert fetch(0) == 200


def test_the_picture_has_a_style_for_each_shape_that_it_draws() -> None:
    shapes = set(re.findall(r'class="([a-z-]+)"', (TEMPLATES / "_sprig.html").read_text()))
    style = (TEMPLATES / "share.svg").read_text().partition("</style>")[0]

    styled = set(re.findall(r"\.([a-z-]+)(?=[ ,])", style))

    # No letter is shown as delivered or replied to; the others are not shapes.
    assert shapes - {"ring", "leaf", "shapes", "sprig", "stamp", "legend"} <= styled
    assert "var(" not in style


def test_the_heading_of_each_state_fits_in_every_language() -> None:
    for state in STATES.values():
        for language in LANGUAGES:
            assert share_picture.heading_size(state.name(language)) > share_picture.HEADING_SIZES[-1]
