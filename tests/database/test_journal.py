"""The journal: what is committed is in it, in order, and a backup knows its place in it."""

import fcntl
import os
import re
import resource
import signal
import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.database.fact import read_fact, save_fact
from campaign.database.journal import JournalPosition, location_of
from campaign.database.journal_file import Journal
from campaign.database.journal_line import Line, Part
from campaign.database.session import Database
from campaign.database.table import Base
from campaign.errors import JournalError
from campaign.settings import Settings


@pytest.fixture
def site(settings: Settings) -> Iterator[Database]:
    database = Database.of_site(settings)
    yield database
    database.close()


def file(site: Database) -> Journal:
    assert site.journal is not None
    return Journal(site.journal.path, site.journal.location)  # as another process sees it


def last_number(site: Database) -> int:
    return max(file(site).ends().values(), default=0)


def position(site: Database) -> int:
    with site.reading() as db:
        return db.scalar(select(JournalPosition.number)) or 0


def withdraw(db: Session, number: int) -> None:
    journal.record(db, journal.WITHDRAW, state="de", id=number, on=date(2026, 11, 23))


def test_a_committed_act_is_in_the_file_with_the_databases_number(site: Database) -> None:
    for number in (1, 2):
        with site.writing() as db:
            withdraw(db, number)

    acts = [{"act": "withdraw", "state": "de", "id": each, "on": "2026-11-23"} for each in (1, 2)]
    part = Part(file(site).part().id, location_of(site.url))
    assert file(site).lines() == [Line(part, 1, (acts[0],)), Line(part, 2, (acts[1],))]
    assert (last_number(site), position(site)) == (2, 2)


def test_the_file_is_for_its_user_alone_and_names_no_time(site: Database) -> None:
    with site.writing() as db:
        withdraw(db, 1)

    assert stat.S_IMODE(file(site).path.stat().st_mode) == 0o600
    assert not re.search(r"\d:\d", file(site).path.read_text().replace(location_of(site.url), ""))


def test_a_line_is_on_disk_before_its_act_is_committed_and_nobody_else_writes_meanwhile(
    site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[Path | str] = []
    sync = os.fsync

    def watched_sync(number: int) -> None:
        sync(number)
        happened.append(Path(f"/proc/self/fd/{number}").readlink())
        with file(site).path.open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)

    monkeypatch.setattr(os, "fsync", watched_sync)
    event.listen(site.engine, "commit", lambda _connection: happened.append("committed"))
    with site.writing() as db:
        withdraw(db, 1)

    path = file(site).path
    assert happened == [path, path.parent, path, "committed"]


def test_what_was_rolled_back_is_not_in_the_file(site: Database) -> None:
    with site.session(writes=True) as db:
        save_fact(db, "base_url", "https://letters.example.org")
        withdraw(db, 1)
        db.rollback()
        withdraw(db, 2)
        db.commit()

    assert [act["id"] for line in file(site).lines() for act in line.acts] == [2]


def test_a_transaction_without_acts_costs_the_journal_nothing(site: Database) -> None:
    with site.writing() as db:
        save_fact(db, "base_url", "https://letters.example.org")

    assert not file(site).path.exists()
    assert position(site) == 0


def test_an_act_whose_commit_fails_is_in_the_file_and_its_number_is_used_again(site: Database) -> None:
    def fail(_connection: object) -> None:
        raise OperationalError("COMMIT", {}, OSError("no space"))

    event.listen(site.engine, "commit", fail)
    with pytest.raises(OperationalError), site.writing() as db:
        withdraw(db, 1)
    event.remove(site.engine, "commit", fail)
    assert (last_number(site), position(site)) == (1, 0)

    with site.writing() as db:
        withdraw(db, 2)

    assert [line.number for line in file(site).lines()] == [1, 1]
    assert position(site) == 1


def test_an_act_that_cannot_be_written_to_the_file_is_not_committed(site: Database) -> None:
    file(site).path.mkdir()

    with site.session(writes=True) as db:
        save_fact(db, "base_url", "https://letters.example.org")
        withdraw(db, 1)
        with pytest.raises(OperationalError):
            db.commit()

    with site.reading() as db:
        assert read_fact(db, "base_url") is None
    assert position(site) == 0


def test_an_interrupted_line_is_skipped_and_the_next_one_is_whole(site: Database) -> None:
    with site.writing() as db:
        withdraw(db, 1)
    with file(site).path.open("ab") as torn:
        torn.write(b'{"number": 2, "acts": [{"ac')
    assert [line.number for line in file(site).lines()] == [1]

    with site.writing() as db:
        withdraw(db, 2)

    assert [line.number for line in file(site).lines()] == [1, 2]


@pytest.mark.any_database
def test_a_disk_with_room_for_a_part_of_a_line_is_full(site: Database) -> None:
    withdrawn = site.journal
    assert withdrawn is not None
    part = withdrawn.part()
    withdrawn.append(part, 1, [])
    size = withdrawn.path.stat().st_size
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
    try:
        with pytest.raises(JournalError):
            withdrawn.append(part, 2, [])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

    assert withdrawn.path.stat().st_size == size


@pytest.mark.any_database
@pytest.mark.parametrize(
    "content", [b"\0" * 512, b"{}\n", b'{"journal": 5}\n', b'{"number": 1, "acts": []}\n']
)
def test_a_damaged_first_line_is_named_and_stops_an_act(site: Database, content: bytes) -> None:
    file(site).path.write_bytes(content)
    with pytest.raises(JournalError, match="first line"):
        file(site).part()
    with site.session(writes=True) as db:
        withdraw(db, 1)
        with pytest.raises(OperationalError):
            db.commit()


@pytest.mark.any_database
def test_a_disk_that_is_not_mounted_is_named(site: Database, tmp_path: Path) -> None:
    file(site).path.symlink_to(tmp_path / "not mounted" / "journal")

    with pytest.raises(JournalError, match="mount its disk"):
        file(site).part()


@pytest.mark.parametrize("how", ["gone", "emptied", "older"])
def test_a_journal_that_loses_lines_goes_on_under_another_id(site: Database, how: str) -> None:
    with site.writing() as db:
        withdraw(db, 1)
    known, older = file(site).part(), file(site).path.read_bytes()
    with site.writing() as db:
        withdraw(db, 2)
    file(site).path.unlink()
    if how != "gone":
        file(site).path.write_bytes(older if how == "older" else b"")

    for number in (3, 4):
        with site.writing() as db:
            withdraw(db, number)

    new = file(site).part()
    assert new.id != known.id
    assert [line.number for line in file(site).lines() if line.part == new] == [1, 2]
    with site.reading() as db:
        assert {part: number for part, number in journal.positions(db).items() if number} == (
            {known: 2, new: 2}
        )


@pytest.mark.any_database
def test_the_file_may_be_a_link_to_another_disk(site: Database, tmp_path: Path) -> None:
    elsewhere = tmp_path / "disk" / "letters.journal"
    elsewhere.parent.mkdir()
    elsewhere.touch()
    file(site).path.symlink_to(elsewhere)

    with site.writing() as db:
        withdraw(db, 1)

    assert list(Journal(elsewhere).ends().values()) == [1]
    assert file(site).path.is_symlink()


def test_no_table_has_row_numbers_in_sqlite() -> None:
    for table in Base.metadata.sorted_tables:
        assert table.dialect_options["sqlite"]["with_rowid"] is False, table.name
