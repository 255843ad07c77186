"""Bringing the tables from one revision to another, while other processes work with them."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, exc, inspect, text

from campaign.errors import CampaignError, SettingsError

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent / "migrations"

NEWEST = max(path.name.partition("_")[0] for path in (HERE / "versions").glob("[0-9]*.py"))
"""The revision that this version works with; a test compares it with what Alembic finds."""

LOCK = 0x6C657474
"""The key of PostgreSQL's advisory lock that one starting process holds."""

LOCK_TIMEOUT = "500ms"
"""How long a change of a table may stand in its queue: whoever comes later waits behind it."""

TRIES, PAUSE_SECONDS = 200, 1.0
"""How often a change is tried whose table others are reading for long, as for a list; five minutes in all."""

POLL_SECONDS = 0.1

BUSY = {"55P03", "40P01"}
"""PostgreSQL's codes for a lock that was not had in time, and for two that wait for each other."""


def migrate(engine: Engine, revision: str = "head", *, back: bool = False) -> None:
    """Bring the tables to *revision*; of several starting processes one does it, the others wait.

    Raises:
        SettingsError: The tables are those of a newer version.
    """
    if revision in {"head", NEWEST} and not back:
        with engine.connect() as connection:
            if current(connection) == NEWEST:
                return
    # Loaded where there is something to do: it takes as long as the rest of a start's work.
    from alembic.util import CommandError

    try:
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection, connection.begin():
                _run(connection, revision, back)
        else:
            _on_postgresql(engine, revision, back)
    except CommandError as error:
        raise SettingsError(
            f"CAMPAIGN_DATABASE_URL: is it of a newer version than this one? ({error})"
        ) from None


def current(connection: Connection) -> str | None:
    """Return the revision of the tables; ``None`` where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def config(connection: Connection) -> "Config":
    """Return Alembic's configuration for our migrations on *connection*."""
    from alembic.config import Config

    found = Config()
    found.set_main_option("script_location", str(HERE))
    found.attributes["connection"] = connection
    return found


def _run(connection: Connection, revision: str, back: bool) -> None:
    from alembic import command

    (command.downgrade if back else command.upgrade)(config(connection), revision)


def _on_postgresql(engine: Engine, revision: str, back: bool) -> None:
    with engine.connect() as connection:
        try:
            _wait_for_turn(connection)
            _run_between_others(connection, revision, back)
        finally:
            # What is set and held here ends with the connection.
            connection.invalidate()


def _wait_for_turn(connection: Connection) -> None:
    # Asked again and again: who waits in a statement is waited for by an index that is being made.
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}):
        connection.rollback()
        time.sleep(POLL_SECONDS)
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.commit()


def _run_between_others(connection: Connection, revision: str, back: bool) -> None:
    for _ in range(TRIES):
        try:
            return _run(connection, revision, back)
        except exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in BUSY:
                raise
        connection.rollback()
        time.sleep(PAUSE_SECONDS)
    raise CampaignError("the tables cannot be changed: others read or write them without a pause")
