"""The markup of every page: accessible, without inline style or script."""

import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from shutil import copytree
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from campaign import create_app
from campaign.paths import PACKAGE, TEMPLATES
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from tests.conftest import Clock
from tests.support.factories import make_signature
from tests.web.conftest import OrganisersBrowser, Supporter

pytestmark = pytest.mark.any_database

SUPPORTERS_PAGES = (
    "/en/",
    "/en/letters/de",
    "/en/letters/kz",
    "/en/check-your-mail",
    "/en/signature",
    "/en/signature/sent",
    "/en/persons/massimov",
    "/en/persons/nazarbayev",
    "/en/progress",
    "/en/verify",
    "/en/verify/0000-0000-0000-0000-0000",
    "/en/privacy",
    "/en/accessibility",
    "/en/embed/de",
    "/en/nothing",
    "/organise/login",
    "/organise/recover",
)

ORGANISERS_PAGES = tuple(
    f"/organise/{page}"
    for page in (
        "",
        "signatures",
        "signatures?kind=words",
        "deliveries",
        "deliveries/new/de",
        "checks",
        "checks?held_for=any",
        "notices",
        "delegations",
        "audit",
        "safety",
        "account",
        "account/codes",
        "account/recovery-code/drill",
    )
)


class Page(HTMLParser):
    """The facts about a page's markup that a test checks."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.points_at: set[str] = set()
        self.headings = 0
        self.language = ""
        self.faults: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"] or "")
        for name in ("for", "aria-describedby", "aria-labelledby"):
            self.points_at |= set((given.get(name) or "").split())
        self.headings += tag == "h1"
        self.language = self.language or (given.get("lang") or "" if tag == "html" else "")
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.faults.append(f"<{tag}> has style or script")
        if tag == "script" and not given.get("src"):
            self.faults.append("script in the page")
        is_loaded = tag == "link" and "hreflang" not in given
        for name in ("src", "action") + (("href",) if is_loaded else ()):
            if given.get(name):
                self.loads.append(given[name] or "")
        if tag == "img" and "alt" not in given:
            self.faults.append("an image without alt")


def check(text: str) -> None:
    page = Page(text)
    assert page.faults == []
    assert len(page.ids) == len(set(page.ids)), "an id is used twice"
    assert page.points_at <= set(page.ids), page.points_at - set(page.ids)
    assert page.language == "en"
    assert re.search(r"<title>[^<]{3,}</title>", text)
    assert all(address.startswith("/") for address in page.loads), page.loads
    assert page.headings == 1


@pytest.mark.parametrize("url", SUPPORTERS_PAGES)
def test_a_page_has_valid_markup(visitor: FlaskClient, url: str) -> None:
    answer = visitor.get(url)

    check(answer.get_data(as_text=True))
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.fixture
def busy(db: Session, keys: ServerKeys, organiser: OrganisersBrowser) -> OrganisersBrowser:
    """Give an organiser with something on every page."""
    for name in ("Mara Example", "Ben Sample"):
        make_signature(db, keys, name=name, disclosure="public", words="Own words.")
    organiser.post(
        "/organise/delegations/de",
        on="/organise/delegations?state=de",
        email="de@missions.example.org",
        source="a call",
        checked_on="2026-11-20",
    )
    return organiser


def test_an_organisers_page_has_valid_markup(busy: OrganisersBrowser) -> None:
    for url in ORGANISERS_PAGES:
        answer = busy.get(url)
        assert answer.status_code == 200, url
        check(answer.get_data(as_text=True))


def test_the_private_page_has_valid_markup_in_every_state(supporter: Supporter) -> None:
    supporter.sign()
    for action in ("confirm", "withdraw"):
        check(supporter.page().get_data(as_text=True))
        supporter.act(action)
    check(supporter.page().get_data(as_text=True))


def test_a_form_with_errors_has_valid_markup(supporter: Supporter) -> None:
    check(supporter.sign(name="", email="x", residence="", consent="").get_data(as_text=True))


def test_each_link_into_a_page_leads_to_a_part_of_it(visitor: FlaskClient) -> None:
    links = {
        (urljoin(url, address), fragment)
        for url in SUPPORTERS_PAGES
        for address, fragment in re.findall(r'<a [^>]*href="([^"#]*)#([^"]+)"', visitor.get(url).text)
    }
    pages = {address: Page(visitor.get(html.unescape(address)).text) for address, _fragment in links}

    assert [(address, part) for address, part in links if part not in pages[address].ids] == []


def test_a_persons_page_says_of_the_call_only_what_the_content_says(
    settings: Settings, clock: Clock, tmp_path: Path
) -> None:
    folder = tmp_path / "appeal"
    copytree(PACKAGE / "data" / "appeal", folder)
    copytree(TEMPLATES / "letters", folder / "letters")
    lines = (folder / "appeal.toml").read_text()
    note = lines[lines.index("person_note") : lines.index("# The state that")]
    (folder / "appeal.toml").write_text(
        lines.replace(note, 'person_note = "A sentence of another campaign."\n')
    )
    app = create_app(replace(settings, appeal=folder), clock=clock)

    page = app.test_client().get("/en/persons/massimov").text

    assert "A sentence of another campaign." in page
    assert "call of March" not in page
    app.extensions["campaign"].close()


def test_no_browser_translates_a_code_or_a_name() -> None:
    for path in TEMPLATES.rglob("*.html"):
        for tag in re.findall(r'<(?:\w+[^>]* class="code"|bdi)[^>]*>(?!\{\{ entry\.words)', path.read_text()):
            assert 'translate="no"' in tag, (path.name, tag)
