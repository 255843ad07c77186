"""Rows per second of ``campaign copy``, both ways, against a loop that only reads and inserts them.

Run ``python -m tests.bench.copy [SIGNATURES]``, by default for 200,000, each with a link, and some on a
list or with a mail. The floor copies the same tables to a database of the same kind in one transaction,
and checks nothing; the copy reads every row three times, and hashes it each time. Each is run once.
"""

import resource
import sys
import time
from collections.abc import Callable

from sqlalchemy import insert, select

from campaign.clock import SYSTEM_CLOCK
from campaign.database.session import Database
from campaign.database.table import Base
from campaign.operations import copy
from tests.bench import filling, home, report

SIGNATURES = 200_000


def main() -> None:
    """Copy to PostgreSQL, and from there back to SQLite."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SIGNATURES
    report.heading("Copying a campaign", f"{number:,} signatures; one process; each run once")
    with (
        home.homes("bare", "there", is_postgresql=True) as in_postgresql,
        home.homes("source", "bare", "back") as in_sqlite,
    ):
        bare, there = map(Database, in_postgresql)
        source, bare_back, back = map(Database, in_sqlite)
        source.migrate()
        filling.fill(source, number)
        compare("SQLite to PostgreSQL", source, bare, there)
        compare("PostgreSQL to SQLite", there, bare_back, back)
        for each in (source, bare, there, bare_back, back):
            each.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"  this process held at most {report.mib(peak)}, the filling of the source included")


def compare(way: str, source: Database, bare: Database, target: Database) -> None:
    """Print how long floor and copy take, by the clock and in this process's time."""
    _rows, floor, floor_busy = timed(lambda: copy_barely(source, bare))
    rows, ours, busy = timed(lambda: copy.copy(source, target, now=SYSTEM_CLOCK()).rows)
    print(f"  {way}: {rows:,} rows")
    print(f"    read and inserted    {floor:6.1f} s ({rows / floor:,.0f} rows/s; busy {floor_busy:.1f} s)")
    print(f"    copied and compared  {ours:6.1f} s ({rows / ours:,.0f} rows/s; busy {busy:.1f} s)")
    print(f"    {floor / ours:.2f} × floor by the clock, {floor_busy / busy:.2f} × when busy")


def timed(work: Callable[[], int]) -> tuple[int, float, float]:
    """Return what *work* returns, and the seconds it took: by the clock, and of the processor."""
    began, busy = time.perf_counter(), time.process_time()
    rows = work()
    return rows, time.perf_counter() - began, time.process_time() - busy


def copy_barely(source: Database, target: Database) -> int:
    """Insert what is read, a batch at a time, in one transaction."""
    target.migrate()
    rows = 0
    with source.snapshot() as reading, target.writing() as writing:
        for table in Base.metadata.sorted_tables:
            found = reading.execute(select(table), execution_options={"yield_per": copy.BATCH_ROWS})
            for batch in found.partitions():
                writing.execute(insert(table), [dict(row._mapping) for row in batch])
                rows += len(batch)
    return rows


if __name__ == "__main__":
    main()
