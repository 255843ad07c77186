"""Migrate the tables from one revision to another while other processes use them."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, event, exc, inspect, text

from campaign.errors import CampaignError, SettingsError

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent / "migrations"

NEWEST = max(path.name.partition("_")[0] for path in (HERE / "versions").glob("[0-9]*.py"))
"""The revision that this version needs; a test compares it with Alembic's head."""

LOCK = 0x6C657474
"""The key of PostgreSQL's advisory lock for the one process that migrates or sets up."""

LOCK_TIMEOUT = "500ms"
"""How long DDL waits for a lock on its table: later readers and writers queue behind it."""

ATTEMPTS, PAUSE_SECONDS = 200, 1.0
"""Attempts at a migration while others read its table for long, such as for a list: five minutes in all."""

POLL_SECONDS = 0.1

BUSY_CODES = {"55P03", "40P01"}
"""PostgreSQL's SQLSTATE for a lock timeout and a deadlock."""


def migrate(engine: Engine, revision: str = "head", *, back: bool = False) -> None:
    """Migrate the tables to *revision*; of several starting processes one migrates, and the others wait.

    Raises:
        SettingsError: The tables belong to a newer version.
    """
    if revision in {"head", NEWEST} and not back:
        with engine.connect() as connection:
            if current(connection) == NEWEST:
                return
    # Imported only for a migration: the import takes as long as the rest of a start.
    from alembic.util import CommandError

    try:
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection, connection.begin():
                _run(connection, revision, back)
        else:
            _on_postgresql(engine, revision, back)
    except CommandError as error:
        raise SettingsError(
            f"CAMPAIGN_DATABASE_URL: the tables seem to belong to a newer version of this program ({error})"
        ) from None


def current(connection: Connection) -> str | None:
    """Return the revision of the tables, or ``None`` if there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def config(connection: Connection) -> "Config":
    """Return Alembic's configuration for the migrations on *connection*."""
    from alembic.config import Config

    found = Config()
    found.set_main_option("script_location", str(HERE))
    found.attributes["connection"] = connection
    return found


def _run(connection: Connection, revision: str, back: bool) -> None:
    from alembic import command

    (command.downgrade if back else command.upgrade)(config(connection), revision)


def _on_postgresql(engine: Engine, revision: str, back: bool) -> None:
    # The lock belongs to a transaction of its own, since a migration commits more than once.
    with engine.connect() as holder, engine.connect() as connection:
        _wait_for_lock(holder)
        event.listen(connection, "begin", _limit_waiting)
        _run_with_retries(connection, revision, back)


def _wait_for_lock(holder: Connection) -> None:
    # Polled, and with no parameter, which would leave a snapshot open until the transaction ends: CREATE
    # INDEX CONCURRENTLY waits for every snapshot.
    while not holder.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({LOCK})").scalar():
        holder.rollback()
        time.sleep(POLL_SECONDS)


def _limit_waiting(connection: Connection) -> None:
    """Let each transaction give up after :data:`LOCK_TIMEOUT`; statements outside transactions wait."""
    if connection.get_isolation_level() != "AUTOCOMMIT":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")


def _run_with_retries(connection: Connection, revision: str, back: bool) -> None:
    for _ in range(ATTEMPTS):
        try:
            return _run(connection, revision, back)
        except exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in BUSY_CODES:
                raise
        connection.rollback()
        time.sleep(PAUSE_SECONDS)
    raise CampaignError("the tables cannot be migrated: other processes use them without a pause")
