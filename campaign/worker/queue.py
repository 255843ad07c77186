"""Where the worker's tasks wait: of so little worth that it is made anew whenever it is lost."""

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

Made = TypeVar("Made")


def make(settings: Settings) -> Huey:
    """Return the queue: beside the embedded database, or in PostgreSQL for several machines."""
    how = {"results": False, "serializer": _Plain()}
    if settings.database_url.startswith("postgresql"):
        dsn = make_url(settings.database_url).set(drivername="postgresql")
        return PostgresHuey("campaign", dsn=dsn.render_as_string(hide_password=False), **how)
    path = settings.instance / "queue.sqlite"
    # Without fsync: the sweep makes up for tasks lost with the machine's power.
    how |= {"filename": str(path), "fsync": False, "timeout": 2}
    return _in_sound_file(path, lambda: SqliteHuey("campaign", **how))


def check(huey: Huey) -> None:
    """Raise whatever shows that the queue was lost."""
    huey.pending_count()
    if isinstance(huey, SqliteHuey):
        # The processes that have it open would go on with it, and those that come would not find it.
        Path(huey.storage.filename).stat()


def make_anew(huey: Huey) -> None:
    """Make a queue that was lost while processes had it open."""
    huey.storage.close()
    if isinstance(huey, SqliteHuey):
        _in_sound_file(Path(huey.storage.filename), huey.storage.initialize_schema)
    else:
        huey.storage.initialize_schema()


def _in_sound_file(path: Path, make: Callable[[], Made]) -> Made:
    """Return what is made in the file, or in a new one where the power left no database of it."""
    path.touch(mode=0o600)
    try:
        return make()
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
    _remove(path)
    path.touch(mode=0o600)
    return make()


def _remove(path: Path) -> None:
    for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        with suppress(FileNotFoundError):
            each.unlink()


class _Plain(Serializer):  # type: ignore[misc]
    """Keeps tasks as JSON: with pickles, whoever can write to the queue could run code."""

    def _serialize(self, task: Message) -> bytes:
        return json.dumps(task).encode()

    def _deserialize(self, stored: bytes) -> Message:
        return Message(*json.loads(bytes(stored)))
