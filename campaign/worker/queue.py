"""The queue of the worker's tasks; a lost queue loses nothing, since tasks only point to the outbox."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from huey import Huey, PostgresHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer
from sqlalchemy import make_url

from campaign.settings import Settings

T = TypeVar("T")


def open_queue(settings: Settings) -> Huey:
    """Return the queue: a file beside the SQLite database, or tables in PostgreSQL for several machines."""
    options = {"results": False, "serializer": JsonSerializer()}
    if settings.database_url.startswith("postgresql"):
        dsn = make_url(settings.database_url).set(drivername="postgresql")
        # No prepared statements, as in database/connection.py. Behind a pooler notifications are lost, and
        # a task waits for a second until the queue is polled.
        return PostgresHuey(
            "campaign", dsn=dsn.render_as_string(hide_password=False), prepare_threshold=None, **options
        )
    path = settings.instance / "queue.sqlite"
    # Without fsync: the sweep replaces tasks that a power cut lost.
    options |= {"filename": str(path), "fsync": False, "timeout": 2}
    return _in_usable_file(path, lambda: SqliteHuey("campaign", **options))


def check(huey: Huey) -> None:
    """Raise an error if the queue was lost."""
    huey.pending_count()
    if isinstance(huey, SqliteHuey):
        # A deleted file stays usable for processes that have it open, but new ones would not find it.
        Path(huey.storage.filename).stat()


def recreate(huey: Huey) -> None:
    """Create the queue again after it was lost while processes had it open."""
    huey.storage.close()
    if isinstance(huey, SqliteHuey):
        _in_usable_file(Path(huey.storage.filename), huey.storage.initialize_schema)
    else:
        huey.storage.initialize_schema()


def _in_usable_file(path: Path, create: Callable[[], T]) -> T:
    """Call *create*, again with a new file if the present one is no database, as after a power cut."""
    path.touch(mode=0o600)
    try:
        return create()
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
    _remove(path)
    path.touch(mode=0o600)
    return create()


def _remove(path: Path) -> None:
    for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        with suppress(FileNotFoundError):
            each.unlink()


class JsonSerializer(Serializer):  # type: ignore[misc]
    """Stores tasks as JSON: with pickles, anybody who can write to the queue could run code."""

    def _serialize(self, task: Message) -> bytes:
        return json.dumps(task).encode()

    def _deserialize(self, stored: bytes) -> Message:
        return Message(*json.loads(bytes(stored)))
