"""SQLite's files do not say in which order people confirmed."""

import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from campaign.database.fact import save_fact
from campaign.database.session import Database
from campaign.sealing.server_key import ServerKeys
from campaign.settings import Settings
from campaign.worker.job import Run, empty_log, sort_pages
from tests.conftest import Clock
from tests.support.factories import confirm_one, make_signature

pytestmark = [pytest.mark.fault, pytest.mark.any_database]

PEOPLE = 12

PAGE_BYTES, LOG_HEADER_BYTES, FRAME_HEADER_BYTES = 4096, 32, 24

INDEX_HEADER_BYTES, INDEX_PAGES = 136, 4062
"""The header of the log's index, and the page numbers in its first block."""


class Files:
    """The raw files, as a thief reads them."""

    def __init__(self, path: Path, people: list[UUID]) -> None:
        self.path, self.people = path, people

    def replayed(self) -> list[UUID]:
        """Return the order of confirming that the log gives away."""
        log = self.path.with_name(self.path.name + "-wal").read_bytes()
        copy = self.path.with_name("stolen.sqlite")
        order: list[UUID] = []
        for end in range(LOG_HEADER_BYTES, len(log), FRAME_HEADER_BYTES + PAGE_BYTES):
            _page, commit = struct.unpack(">II", log[end : end + 8])
            if not commit:
                continue
            shutil.copy(self.path, copy)
            copy.with_name(copy.name + "-wal").write_bytes(log[: end + FRAME_HEADER_BYTES + PAGE_BYTES])
            copy.with_name(copy.name + "-shm").unlink(missing_ok=True)
            with closing(sqlite3.connect(copy)) as stolen:
                rows = stolen.execute("SELECT id FROM signature WHERE confirmed_on IS NOT NULL")
                new = {UUID(row[0]) for row in rows} - set(order)
            if len(new) == 1:  # more at once have no order
                order += new
        return order

    def log_bytes(self) -> int:
        """Return the size of the log."""
        return self.path.with_name(self.path.name + "-wal").stat().st_size

    def orders_in_pages(self) -> list[list[UUID]]:
        """Return the order in which people's ids lie in each page of the database's file."""
        content = self.path.read_bytes()
        pages = [content[at : at + PAGE_BYTES] for at in range(0, len(content), PAGE_BYTES)]
        orders = []
        for page in pages:
            places = {page.find(each.hex.encode()): each for each in self.people}
            orders.append([places[at] for at in sorted(places, reverse=True) if at >= 0])
        return orders

    def logged_pages(self) -> int:
        """Return how many page numbers the log's index has."""
        index = self.path.with_name(self.path.name + "-shm").read_bytes()[INDEX_HEADER_BYTES:]
        return sum(1 for page in struct.unpack(f"{INDEX_PAGES}I", index[: INDEX_PAGES * 4]) if page)


@pytest.fixture
def files(db: Session, keys: ServerKeys, database: Database) -> Files:
    """Let twelve people sign, then confirm in another order."""
    path = Path(str(database.url.database))
    made = [make_signature(db, keys, confirmed=False) for _ in range(PEOPLE)]
    assert database.checkpoint()
    confirming = sorted(made, key=lambda each: each.token)
    for each in confirming:
        confirm_one(db, keys, each.token)
        db.commit()
    return Files(path, [each.row.id for each in confirming])


def run(job: object, settings: Settings, database: Database, db: Session, clock: Clock) -> None:
    clock.forward(minutes=1)
    job(Run(settings=settings, database=database, db=db, now=clock()))  # type: ignore[operator]
    db.commit()


def test_the_log_gives_the_order_away_for_a_minute_only(
    files: Files, settings: Settings, database: Database, db: Session, clock: Clock
) -> None:
    assert files.replayed() == files.people, "the attack works"
    assert files.logged_pages() > PEOPLE

    run(empty_log, settings, database, db, clock)

    assert files.replayed() == []
    assert files.logged_pages() <= 2


def test_a_log_that_somebody_reads_is_emptied_later(
    files: Files, settings: Settings, database: Database, db: Session, clock: Clock
) -> None:
    with database.snapshot() as reader:
        assert reader.scalar(text("SELECT count(*) FROM signature")) == PEOPLE
        save_fact(db, "base_url", "https://letters.example.org")
        db.commit()
        run(empty_log, settings, database, db, clock)
        assert files.log_bytes() > PEOPLE * PAGE_BYTES

    run(empty_log, settings, database, db, clock)

    assert files.log_bytes() <= 2 * (PAGE_BYTES + FRAME_HEADER_BYTES) + LOG_HEADER_BYTES


def test_pages_give_the_order_away_for_an_hour_only(
    files: Files, settings: Settings, database: Database, db: Session, clock: Clock
) -> None:
    assert database.checkpoint()
    assert files.people in files.orders_in_pages(), "the attack works"

    run(sort_pages, settings, database, db, clock)

    orders = files.orders_in_pages()
    assert max(map(len, orders)) == PEOPLE
    assert files.people not in orders
    assert files.people[::-1] not in orders
