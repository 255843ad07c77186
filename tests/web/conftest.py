"""The site over HTTP, on both databases, for a supporter and for an organiser."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from campaign import create_app
from campaign.database.table import Base
from campaign.organiser import audit_log
from campaign.organiser import session as organiser_session
from campaign.organiser.account import Unlocked
from campaign.organiser.role import ROLES
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.key_change import reseal_some
from campaign.web.organise.session import WHO
from campaign.web.site import Site
from tests.conftest import Clock, settings_of
from tests.support.factories import PASSPHRASE, make_organiser, make_owner
from tests.support.outbox import mails
from tests.support.private_page import press

FORM = {
    "name": "Mara Example",
    "email": "mara@example.org",
    "residence": "FR",
    "town": "",
    "words": "",
    "disclosure": "delegation",
    "consent": "y",
    "website": "",
}

TESTS_NETWORKS = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Exempt the tests' address from rate limits; tests about these make settings of their own."""
    return replace(settings, unlimited_networks=TESTS_NETWORKS)


@pytest.fixture
def make_app(clock: Clock) -> Iterator[Callable[[Settings], Flask]]:
    """Give a function that makes a site with any settings; each is closed after the test."""
    made: list[Flask] = []

    def make(settings: Settings) -> Flask:
        made.append(create_app(settings, clock=clock))
        return made[-1]

    yield make
    for app in made:
        app.extensions["campaign"].close()


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], settings: Settings) -> Flask:
    return make_app(settings)


@pytest.fixture
def site(app: Flask) -> Site:
    found: Site = app.extensions["campaign"]
    return found


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def visited(tmp_path_factory: pytest.TempPathFactory, sqlite_template: bytes) -> Iterator[Flask]:
    """Give the site of a campaign that has just begun, for all tests that only look at it."""
    folder = tmp_path_factory.mktemp("visited")
    path = folder / "campaign.sqlite"
    path.write_bytes(sqlite_template)
    settings = replace(settings_of(folder, f"sqlite:///{path}"), unlimited_networks=TESTS_NETWORKS)
    app = create_app(settings, clock=Clock())
    yield app
    app.extensions["campaign"].close()


@pytest.fixture(scope="session")
def visited_version(visited: Flask) -> Iterator[Callable[[], int]]:
    """Give a function that returns another number after any commit to the visited site's database."""
    connection = sqlite3.connect(visited.extensions["campaign"].database.url.database)
    yield lambda: int(connection.execute("PRAGMA data_version").fetchone()[0])
    connection.close()


@pytest.fixture
def visitor(visited: Flask, visited_version: Callable[[], int]) -> Iterator[FlaskClient]:
    """Give a new browser on a site that others visit too; a test that changes the database fails."""
    before = visited_version()
    yield visited.test_client()
    assert visited_version() == before, "a test that changes anything needs a site of its own: `client`"


class Supporter:
    """A supporter with a browser and a mailbox."""

    def __init__(self, client: FlaskClient, site: Site) -> None:
        self.client = client
        self.site = site

    def sign(self, state: str = "de", **changes: str) -> TestResponse:
        """Send the form; afterwards :attr:`token` is the token in the mail."""
        before = {str(mail.params) for mail in self.mails()}
        answer = self.client.post(f"/en/letters/{state}", data=FORM | changes)
        new = [mail for mail in self.mails() if str(mail.params) not in before]
        self.token = new[0].params.get("token", "") if new else ""
        self.purpose = new[0].purpose if new else ""
        return answer

    def act(self, action: str, **more: str) -> TestResponse:
        sent = press(self.page().get_data(as_text=True), action) | more
        answer = self.client.post(f"/en/signature/{self.token}", data=sent)
        self.site.snapshots.expire()  # as after a second
        return answer

    def page(self) -> TestResponse:
        return self.client.get(f"/en/signature/{self.token}")

    def mails(self) -> list[Any]:
        with self.site.database.reading() as db:
            return list(mails(db, self.site.keys))

    def total(self) -> int:
        return int(self.client.get("/counts.json").get_json()["total"])


@pytest.fixture
def supporter(client: FlaskClient, site: Site) -> Supporter:
    return Supporter(client, site)


@pytest.fixture
def visiting_supporter(visitor: FlaskClient, visited: Flask) -> Supporter:
    """Give a supporter whose forms are all refused, and so change nothing on a site that others visit too."""
    return Supporter(visitor, visited.extensions["campaign"])


def text(answer: TestResponse) -> str:
    """Return the text of a page, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)).split())


def rows(site: Site) -> dict[str, list[Any]]:
    """Return every row of the database, by table."""
    with site.database.reading() as db:
        return {
            table.name: sorted(db.execute(table.select()).all(), key=repr)
            for table in Base.metadata.sorted_tables
        }


class OrganisersBrowser:
    """An organiser's browser: it posts the token of the page that has the form."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self._known_token = "", ""

    def log_in(
        self, name: str = "Olga Organiser", passphrase: str = PASSPHRASE, code: str = ""
    ) -> TestResponse:
        return self.post("/organise/login", on="/organise/login", name=name, passphrase=passphrase, code=code)

    def get(self, url: str) -> TestResponse:
        return self.client.get(url)

    def post(self, url: str, *, on: str = "", **form: Any) -> TestResponse:
        """Post *form* with the token of the page *on*, or of any page."""
        return self.client.post(url, data={"csrf_token": self.token(on) if on else self._any_token(), **form})

    def _any_token(self) -> str:
        """Return the token of any page: it is the same for all of a session."""
        cookie = self.client.get_cookie("organiser")
        if not cookie or self._known_token[0] != cookie.value:
            token = self.token()
            cookie = self.client.get_cookie("organiser")
            self._known_token = cookie.value if cookie else "", token
        return self._known_token[1]

    def token(self, on: str = "/organise/account") -> str:
        """Return the token of the page *on*."""
        page = self.client.get(on).get_data(as_text=True)
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found, f"no form on {on}"
        return found.group(1)


@pytest.fixture
def owner(site: Site) -> Any:
    with site.database.session(writes=True) as db:
        return make_owner(db)


@pytest.fixture
def organiser(app: Flask, owner: Any) -> OrganisersBrowser:
    return logged_in(app, owner)


def logged_in(app: Flask, opened: Unlocked) -> OrganisersBrowser:
    """Return a browser after its login, whose pages the tests of the login ask for."""
    browser, site = OrganisersBrowser(app), app.extensions["campaign"]
    with site.database.session(writes=True) as db:
        secret = organiser_session.start(db, opened, keys=site.keys, now=site.clock())
        audit_log.record(db, opened.name, "log in", now=site.clock())
        if opened.private_key is not None:
            reseal_some(db, opened.private_key)  # or a thread would, at a moment of its own
        db.commit()
    with browser.client.session_transaction("/organise/") as cookie:
        cookie.update({WHO: str(opened.id), "unlock": secret})
    return browser


@pytest.fixture
def others(app: Flask, db: Session, owner: Unlocked) -> dict[str, OrganisersBrowser]:
    """Give a logged-in browser for each role, with a second owner."""
    browsers = {}
    for role in ROLES:
        robin = make_organiser(db, owner, name=f"Robin {role.title()}", role=role)
        browsers[role] = logged_in(app, robin)
    return browsers


@pytest.fixture
def keys(site: Site) -> ServerKeys:
    return site.keys


@pytest.fixture
def db(site: Site) -> Iterator[Session]:
    with site.database.session(writes=True) as session:
        yield session
