import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.exc import TimeoutError as QueueTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from campaign.cli.serve import THREADS
from campaign.database import connection
from campaign.database.connection import WAIT_SECONDS
from campaign.database.fact import Fact, check_secret_key, read_fact, save_fact
from campaign.database.session import Database
from campaign.database.table import Base
from campaign.errors import SettingsError
from campaign.guard import proof_of_work  # noqa: F401 -- its model
from campaign.web import application  # noqa: F401 -- imports every model
from tests.conftest import SECRET


def is_ours(name: str | None, kind: str = "table", _parents: object = None) -> bool:
    """Whether the migrations create a table: huey creates the tables of its queue."""
    return kind != "table" or not (name or "").startswith("huey_")


def test_the_migrations_create_the_tables_of_the_models(database: Database) -> None:
    with database.engine.connect() as connected:
        context = MigrationContext.configure(connected, opts={"include_name": is_ours})
        differences = compare_metadata(context, Base.metadata)

    # On SQLite, Alembic does not compare the conditions of partial indexes.
    assert differences == []


def test_a_downgrade_to_base_drops_every_table(database: Database) -> None:
    database.migrate("base", back=True)

    assert set(filter(is_ours, inspect(database.engine).get_table_names())) <= {"alembic_version"}


def test_simultaneous_migrations_run_once(tmp_path: Path) -> None:
    databases = [Database(f"sqlite:///{tmp_path}/new.sqlite") for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda database: database.migrate(), databases))

    assert inspect(databases[0].engine).has_table("signature")
    for database in databases:
        database.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/campaign.sqlite")
    database.migrate()
    yield database
    database.close()


@pytest.mark.parametrize(
    ("pragma", "expected"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1)],
)
def test_sqlite_is_configured_to_lose_nothing(sqlite: Database, pragma: str, expected: object) -> None:
    with sqlite.reading() as db:
        assert db.scalar(text(f"PRAGMA {pragma}")) == expected


def test_only_an_autocommit_connection_does_not_wait_for_the_disk(sqlite: Database) -> None:
    def synchronous(db: Connection | Session) -> object:
        return db.execute(text("PRAGMA synchronous")).scalar()

    with sqlite.autocommit() as autocommit:
        assert synchronous(autocommit) == 1
        with sqlite.writing() as meanwhile:
            assert synchronous(meanwhile) == 2
    with sqlite.writing() as db:
        assert synchronous(db) == 2


def test_writers_of_one_process_queue_and_never_meet_sqlites_own_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "WAIT_SECONDS", 0)
    database = Database(f"sqlite:///{tmp_path}/campaign.sqlite", queue_timeout_seconds=WAIT_SECONDS)
    database.migrate()

    def count_up(number: int) -> None:
        with database.session(writes=True) if number % 2 else database.writing() as db:
            save_fact(db, "number", str(int(read_fact(db, "number") or 0) + 1))
            db.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count_up, range(80)))
    with database.reading() as db:
        assert read_fact(db, "number") == "80"
    database.close()


def test_only_one_writer_waits_for_long_while_another_process_has_the_lock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/campaign.sqlite"
    ours, other = (Database(url, queue_timeout_seconds=0.05) for _ in range(2))
    ours.migrate()

    def write(number: int) -> None:
        with ours.writing() as db:
            save_fact(db, f"fact {number}", "written")

    with ThreadPoolExecutor(5) as pool:
        with other.writing() as elsewhere:
            save_fact(elsewhere, "fact", "written elsewhere")
            writers = [pool.submit(write, number) for number in range(5)]
            failed = list(islice(as_completed(writers, WAIT_SECONDS), 4))
        assert {type(each.exception()) for each in failed} == {QueueTimeoutError}
        assert [each.exception() for each in writers if each not in failed] == [None]
    ours.close()
    other.close()


def test_a_reader_does_not_wait_for_a_writer(sqlite: Database) -> None:
    with sqlite.writing() as db:
        save_fact(db, "written", "yes")
        db.flush()
        with sqlite.reading() as other:
            assert read_fact(other, "written") is None


def test_an_error_rolls_back_the_transaction(db: Session, database: Database) -> None:
    db.close()

    def break_off() -> None:
        with database.writing() as other:
            save_fact(other, "half", "done")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        break_off()

    with database.writing() as other:  # the failed writer has left the queue
        assert read_fact(other, "half") is None


def test_a_time_comes_back_with_its_zone(db: Session) -> None:
    from campaign.organiser.audit_log import AuditEntry

    at = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
    db.add(AuditEntry(at=at, organiser="Olga", act="test", about=""))
    db.commit()
    db.expire_all()

    assert db.scalars(select(AuditEntry)).one().at == at


def test_a_time_without_a_zone_is_refused(db: Session) -> None:
    from sqlalchemy.exc import StatementError

    from campaign.organiser.audit_log import AuditEntry

    db.add(AuditEntry(at=datetime(2026, 11, 23), organiser="Olga", act="test", about=""))  # noqa: DTZ001

    with pytest.raises(StatementError, match="zone"):
        db.flush()


def test_a_foreign_key_must_exist(db: Session) -> None:
    from uuid import uuid4

    from campaign.signature.model import SignatureToken

    db.add(SignatureToken(hash=b"0" * 32, state_code="de", signature_id=uuid4(), mac=b""))

    with pytest.raises(IntegrityError):
        db.flush()


def test_another_secret_key_stops_the_start(db: Session) -> None:
    check_secret_key(db, SECRET)

    with pytest.raises(SettingsError, match="CAMPAIGN_SECRET_KEY"):
        check_secret_key(db, "another-key-that-is-long-enough-to-be-one")


def test_saving_a_fact_again_replaces_it(db: Session) -> None:
    save_fact(db, "fact", "one")
    save_fact(db, "fact", "two")
    db.flush()

    assert read_fact(db, "fact") == "two"
    assert len(db.scalars(select(Fact).where(Fact.name == "fact")).all()) == 1


def test_a_checkpoint_removes_deleted_rows_from_the_write_ahead_log(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/campaign.sqlite")
    database.migrate()
    for content in ("CANARY-IN-THE-LOG", "gone"):
        with database.writing() as db:
            save_fact(db, "fact", content)
    assert b"CANARY-IN-THE-LOG" in (tmp_path / "campaign.sqlite-wal").read_bytes()

    database.checkpoint()

    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    database.close()
    assert b"CANARY-IN-THE-LOG" not in left


def test_a_checkpoint_that_waits_for_a_long_reader_blocks_no_writer(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/campaign.sqlite")
    database.migrate()
    with database.snapshot() as reader, ThreadPoolExecutor(1) as other:
        read_fact(reader, "fact")
        with database.writing() as db:
            save_fact(db, "fact", "one")
        checkpoint = other.submit(database.checkpoint, wait_seconds=WAIT_SECONDS)
        for _ in range(10):
            time.sleep(0.05)
            with database.writing() as db:
                save_fact(db, "fact", "two")
        assert not checkpoint.done(), "the writers waited for the reader"
        reader.rollback()
        assert checkpoint.result()
    database.close()


def test_the_pool_has_two_connections_for_each_thread_of_a_web_process(database: Database) -> None:
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.size() + pool._max_overflow >= 2 * THREADS
