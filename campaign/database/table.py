"""Base class and column types of all tables, and an upsert for both databases."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import wraps
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator, TypeEngine


class UTCDateTime(TypeDecorator[datetime]):
    """An aware time, stored in UTC; SQLite has no time zones, so they are added on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC.

        Raises:
            ValueError: A time has no zone, so it is ambiguous.
        """
        del dialect
        if value is not None and value.tzinfo is None:
            raise ValueError("a time needs a zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Add the zone that SQLite does not store."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base class of all tables: naming of constraints, and a column type for each Python type."""

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

    @classmethod
    def __table_cls__(cls, *args: Any, **options: Any) -> Table:
        """Return a table without SQLite's row numbers, which would record the order in which people act."""
        return Table(*args, **options | {"sqlite_with_rowid": False})


def count_up_to(db: Session, limit: int, *where: ColumnElement[bool]) -> int:
    """Count the rows that match *where*, but read at most *limit* of them."""
    limited = select(1).where(*where).limit(limit).subquery()
    return db.scalar(select(func.count()).select_from(limited)) or 0


def upsert(db: Session, table: Any) -> Any:
    """Return an insert into *table* that has ``on_conflict_do_update`` and ``…_do_nothing``."""
    insert = sqlite.insert if db.get_bind().dialect.name == "sqlite" else postgresql.insert
    return insert(table)


def built_once(build: Callable[..., Any]) -> Callable[..., Any]:
    """Let *build*, which takes a session and perhaps more, make each statement once per kind of database.

    Building one takes longer than executing it, and signing executes several.
    """
    built: dict[tuple[Any, ...], Any] = {}

    @wraps(build)
    def statement(db: Session, *args: Any) -> Any:
        kind = db.get_bind().dialect.name, *args
        if kind not in built:
            built[kind] = build(db, *args)
        return built[kind]

    return statement
