"""The database: base class, column types, engine and sessions, for SQLite and PostgreSQL."""

import hashlib
import hmac
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Dialect,
    LargeBinary,
    MetaData,
    String,
    Text,
    Uuid,
    func,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from campaign import engine, migration
from campaign.engine import Line
from campaign.errors import SettingsError

CHECKPOINT_MILLISECONDS = 100
"""How long emptying SQLite's write-ahead log may hold up writers while somebody still reads."""


class UTCDateTime(TypeDecorator[datetime]):
    """An aware time, kept in UTC; SQLite has no time zones, so they are added back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone: nobody could say which moment it means."""
        del dialect
        if value is not None and value.tzinfo is None:
            raise ValueError("a time needs its zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back that SQLite does not keep."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """What every table shares: names of constraints, and one column type per Python type."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, TypeEngine[Any]]] = {
        bytes: LargeBinary(),
        date: Date(),
        datetime: UTCDateTime(),
        str: Text(),
        UUID: Uuid(),
    }


class Site(Base):
    """One row for each fact about this installation that must survive a restart."""

    __tablename__ = "site"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    content: Mapped[str]


class Database:
    """The engine, and the two kinds of session: one that reads, one that may write.

    A session that may write takes SQLite's lock when it begins, so that it waits for
    its turn instead of failing half-way; one that reads never waits.
    """

    def __init__(self, url: str, *, patience_seconds: float | None = None) -> None:
        """Find the database at *url*; nothing is asked of it yet.

        Args:
            url: SQLAlchemy's.
            patience_seconds: How long writers wait behind one who waits for SQLite's lock; by default
                as long as that one.
        """
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.line = Line(patience_seconds)
        self.engine = engine.sqlite(url, self.line) if self.is_sqlite else engine.postgresql(url)
        self._writing = self.engine.execution_options(writes=True)
        self._turn = threading.Lock()

    def session(self, *, writes: bool = False) -> Session:
        """Return a new session; the caller commits and closes it."""
        return Session(self._writing if writes else self.engine, expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session for reading."""
        with self.session() as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Give a session for reading that sees one moment, however long it reads."""
        with self.session() as session:
            see_one_moment(session)
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session for writing; what it did is committed at the end, or undone by an error."""
        # SQLite has one writer. Its others ask again after longer and longer pauses; here they line up.
        if self.is_sqlite:
            self.line.wait(lambda seconds: self._turn.acquire(timeout=seconds))
        try:
            with self.session(writes=True) as session, session.begin():
                yield session
        finally:
            if self.is_sqlite:
                self._turn.release()

    @contextmanager
    def settling(self) -> Iterator[Connection]:
        """Give a connection for writes of one statement; each outlives this process once it is committed.

        In SQLite a commit here does not wait for the disk. A power cut may undo the last ones: all since
        anybody last wrote in another way, which takes them to the disk too.
        """
        with self.engine.execution_options(settles=True).connect() as connection:
            if self.is_sqlite:
                connection.detach()  # nobody else may get it
                driver: Any = connection.connection.dbapi_connection
                driver.execute("PRAGMA synchronous=NORMAL")
            yield connection

    def migrate(self, revision: str = "head", *, back: bool = False) -> None:
        """Bring the tables up to date, or to *revision*; see :func:`campaign.migration.migrate`."""
        migration.migrate(self._writing, revision, back=back)

    def forget_deleted(self, *, wait_seconds: float = 0) -> bool:
        """Leave no trace of deleted rows in SQLite's write-ahead log; another time, if it is in use."""
        end = time.monotonic() + wait_seconds
        while not (is_done := not self.is_sqlite or self._empty_log()) and time.monotonic() < end:
            time.sleep(CHECKPOINT_MILLISECONDS / 1000)
        return is_done

    def _empty_log(self) -> bool:
        connection = self.engine.raw_connection()
        try:
            # While it waits for a long reader, such as a list's download, nobody could sign.
            connection.execute(f"PRAGMA busy_timeout = {CHECKPOINT_MILLISECONDS}")
            is_busy, _pages, _written = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            return False
        finally:
            connection.execute(f"PRAGMA busy_timeout = {engine.WAIT_SECONDS * 1000:.0f}")
            connection.close()
        return not is_busy

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def see_one_moment(db: Session) -> None:
    """Have *db* read one moment, however long it reads; before its first statement."""
    if db.get_bind().dialect.name == "postgresql":  # SQLite's readers do so anyway
        db.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def lock_starts(db: Session) -> None:
    """Let one process at a time make what a first start makes, until its transaction ends."""
    if db.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
        db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": migration.LOCK})


def remember(db: Session, name: str, content: str) -> None:
    """Keep a fact about this installation, in place of what was kept under *name*; two may do so at once."""
    kept = upsert(db, Site).values(name=name, content=content)
    db.execute(kept.on_conflict_do_update(index_elements=["name"], set_={"content": content}))


def recall(db: Session, name: str) -> str | None:
    """Return what was kept under *name*."""
    row = db.get(Site, name)
    return row.content if row else None


def number_up_to(db: Session, most: int, *where: ColumnElement[bool]) -> int:
    """Return how many rows there are *where* that is true, or *most* if there are more: no more are read."""
    some = select(1).where(*where).limit(most).subquery()
    return db.scalar(select(func.count()).select_from(some)) or 0


def upsert(db: Session, table: Any) -> Any:
    """Return an insert into *table* that knows ``on_conflict_do_update`` and ``…_do_nothing``."""
    insert = sqlite.insert if db.get_bind().dialect.name == "sqlite" else postgresql.insert
    return insert(table)


def check_secret_key(db: Session, secret_key: str) -> None:
    """Refuse another secret key than the one this database was made with.

    Raises:
        SettingsError: Mails, digests and sessions in this database belong to another key.
    """
    fingerprint = hmac.new(secret_key.encode(), b"fingerprint", hashlib.sha256).hexdigest()
    known = recall(db, "secret_key_fingerprint")
    if known is None:
        remember(db, "secret_key_fingerprint", fingerprint)
    elif not hmac.compare_digest(known, fingerprint):
        raise SettingsError(
            "CAMPAIGN_SECRET_KEY: this database was made with another key; "
            "give every machine of the site the same one"
        )
