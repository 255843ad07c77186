"""The emergency erasure runs beside the site and is killed halfway; then an attacker copies what is left."""

import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

import psycopg
import pytest
from sqlalchemy import select

from campaign.database.fact import read_fact
from campaign.database.session import Database
from campaign.operations.emergency.scrub_rows import is_unfinished
from campaign.sealing.campaign_key import destroyed_at
from campaign.sealing.code import read_code
from campaign.sealing.server_key import DIGEST_KEY
from campaign.signature.model import Signature
from campaign.signature.recount import compare
from tests.conftest import _postgresql_url
from tests.faults import thief
from tests.faults.canary import Canaries
from tests.faults.serving import Answer, Browser, Server
from tests.faults.story import ORGANISER, Story
from tests.faults.test_stolen_copy import session_secret
from tests.faults.thief import Loot
from tests.support import fork_server
from tests.support.factories import address_digest
from tests.support.relay import relay
from tests.support.worker import eventually

pytestmark = pytest.mark.fault

# Triggers that make the scrub wait endlessly at the first signature.
ENDLESS_SQLITE = """
    CREATE TRIGGER endless BEFORE UPDATE ON signature BEGIN
      SELECT count(*) FROM (WITH RECURSIVE number(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number
      WHERE i < 1000000000000) SELECT i FROM number);
    END
"""
ENDLESS_POSTGRESQL = """
    CREATE FUNCTION endless() RETURNS trigger LANGUAGE plpgsql AS
      $$BEGIN PERFORM pg_sleep(600); RETURN NEW; END$$;
    CREATE TRIGGER endless BEFORE UPDATE ON signature FOR EACH ROW EXECUTE FUNCTION endless()
"""
END_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"


@dataclass
class Erasure:
    """Copies from before the erasure and from halfway, and the answers of the site."""

    site: Server
    story: Story
    database: Database
    secret: str
    before: Loot
    halfway: Loot
    digest_key: str
    answers: dict[str, Answer] = field(default_factory=dict)
    was_unfinished: bool = False

    @property
    def known(self) -> set[bytes]:
        """Every secret of the campaign's participants but the passphrase."""
        code = (read_code(self.story.recovery_code, 32) or "").encode()
        links = {each.encode() for each in self.site.setup_links()}
        return {code, session_secret(self), *links, *(each.encode() for each in self.story.tokens)}

    def opened(self, loot: Loot) -> set[tuple[str, int]]:
        """Return the boxes that these secrets and the values in *loot* open."""
        with self.database.reading() as db:
            server = thief.server_keys(db, self.secret)
        passphrases = [self.story.passphrase]
        return set(thief.opened(loot, self.known | loot.keys, server=server, passphrases=passphrases))

    def recognised(self, loot: Loot) -> set[str]:
        """Return the signed addresses that the server's key and any possible key of digests recognise."""
        recognised = set()
        for keys in thief.possible_keys(loot, self.secret):
            for form in self.story.signed:
                digest = address_digest(keys, "de", form["email"])
                if digest in loot.strings:
                    recognised.add(form["email"])
        return recognised


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def erasure(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erasure]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "instance").mkdir(mode=0o700)
    url = f"sqlite:///{folder / 'instance' / 'campaign.sqlite'}"
    if request.param == "postgresql":
        server, name = request.getfixturevalue("postgresql"), f"erasure_{os.urandom(4).hex()}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = _postgresql_url(server, name)
    with relay() as post_office:
        site = Server(folder, smtp_url=post_office.url, database_url=url)
        story = Story(site, post_office, Canaries(), published="")
        database = Database(url)
        try:
            site.start()
            yield erase_and_kill(site, story, database)
        finally:
            site.kill()
            database.close()


def erase_and_kill(site: Server, story: Story, database: Database) -> Erasure:
    """Run a small campaign, erase it, and kill the site and the command halfway."""
    story.sign()
    story.sign("fr")
    browser = first_organiser(site, story)
    story.sign()
    pending = story.sign(confirm=False)
    story.cookie = browser.cookie
    story.tokens = [pending]
    secret = (site.instance / "secret_key").read_text().strip()
    with database.reading() as db:
        before, digest_key = thief.take(db), read_fact(db, DIGEST_KEY) or ""
    make_endless(database)
    with erasing(site) as said:
        assert any("no name can be opened" in line for line in said)
        assert any("passphrase" in line for line in said)
        # A process may notice a second late, and a post before that would wait for the endless scrub.
        answer(lambda: site.browser().get("/organise/login"), 410)
        answers = {"organisers": answer(lambda: browser.get("/organise/"), 410)}
        answers["signing"] = answer(lambda: browser.sign(**story.person()), 410)
        answers["link"] = answer(lambda: browser.act(pending, "confirm"), 410)
        answers["home"] = browser.get("/en/")
    make_endless(database, is_endless=False)
    with database.reading() as db:
        return Erasure(
            site,
            story,
            database,
            secret,
            before,
            thief.take(db),
            digest_key,
            answers,
            was_unfinished=is_unfinished(db),
        )


@contextmanager
def erasing(site: Server) -> Iterator[Iterator[str]]:
    """Erase everything, give the lines that the command prints, and in the end kill it and the site."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as lines, os.fdopen(writing, "wb") as output:
        command = fork_server.start(
            "campaign",
            *("erase", "--everything-personal", "--yes"),
            cwd=site.folder,
            env=site.environment,
            stdout=output,
            stderr=sys.stderr,
        )
        output.close()
        try:
            yield iter(lines.readline, "")
        finally:
            site.kill()
            command.kill()
            command.wait()


def first_organiser(site: Server, story: Story) -> Browser:
    """Create the first organiser and return the logged-in browser."""
    browser = site.browser()
    [link] = site.setup_links()
    story.passphrase = " ".join(story.canaries.latin() for _ in range(4))
    form = {"name": ORGANISER, "passphrase": story.passphrase, "passphrase_again": story.passphrase}
    setup_url = f"/organise/setup/{link}"
    welcome = browser.post(setup_url, on=setup_url, **form)
    [story.recovery_code] = re.findall(r"(?:[0-9A-Z]{4}-){7}[0-9A-Z]{4}", welcome.text)
    return browser


def answer(ask: object, status: int) -> Answer:
    """Repeat the request until the site answers with *status*; return that answer."""
    answers: list[Answer] = []

    def is_noticed() -> bool:
        answers.append(ask())  # type: ignore[operator]
        return answers[-1].status == status

    assert eventually(is_noticed), answers[-1].status
    return answers[-1]


def make_endless(database: Database, *, is_endless: bool = True) -> None:
    if database.is_sqlite:
        with closing(sqlite3.connect(database.url.database or "", timeout=120)) as connection:
            connection.executescript(ENDLESS_SQLITE if is_endless else "DROP TRIGGER endless")
        return
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        if is_endless:
            connection.execute(ENDLESS_POSTGRESQL)
            return
        with suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"{END_OTHERS} AND datname = current_database()")
        connection.execute("DROP TRIGGER endless ON signature")


def test_a_site_that_runs_notices_and_says_so(erasure: Erasure) -> None:
    for name in ("signing", "link", "organisers"):
        assert "erased" in erasure.answers[name].text, name
    assert erasure.answers["home"].status == 200


def test_with_a_copy_from_half_way_and_every_secret_no_box_opens(erasure: Erasure) -> None:
    assert erasure.was_unfinished
    assert len(erasure.halfway.of("signature.sealed")) == 4, "the boxes were still there"
    assert erasure.opened(erasure.halfway) == set()


def test_with_a_copy_from_half_way_and_the_servers_key_no_address_can_be_tested(erasure: Erasure) -> None:
    assert len({form["email"] for form in erasure.story.signed}) == 4
    assert erasure.recognised(erasure.halfway) == set()
    assert erasure.digest_key.encode() not in erasure.halfway.strings


def test_a_copy_from_before_opens_with_a_passphrase_and_tells_addresses(erasure: Erasure) -> None:
    """An earlier copy still opens, as the README says, which shows that these attacks work."""
    opened = erasure.opened(erasure.before)

    assert erasure.before.of("signature.sealed") <= opened
    in_germany = [form["email"] for form in erasure.story.signed if form is not erasure.story.signed[1]]
    assert erasure.recognised(erasure.before) == set(in_germany)


def test_after_a_restart_nothing_comes_back_and_the_scrub_goes_on_to_its_end(erasure: Erasure) -> None:
    site, database = erasure.site, erasure.database
    links = site.setup_links()
    site.start()

    assert site.setup_links() == links, "no new setup link"
    assert "Everything personal was erased" in site.console.read_text()
    assert site.browser().sign(**erasure.story.person()).status == 410
    assert site.browser().total() == 3

    done = site.run("erase")
    assert done.returncode == 0, done.stderr
    with database.session(writes=True) as db:
        assert compare(db) == []
        assert destroyed_at(db) is not None
        assert not is_unfinished(db)
        assert db.scalars(select(Signature.id).where(Signature.sealed.is_not(None))).all() == []
        after = thief.take(db)
    assert erasure.opened(after) == set()
    assert not re.search("olga", str(after.strings), re.IGNORECASE)


def test_nobody_who_signed_stands_anywhere_in_the_folder(erasure: Erasure) -> None:
    erasure.site.kill()

    assert erasure.story.canaries.found_under(erasure.site.folder) == {}
