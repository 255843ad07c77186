"""Compile templates, routes and SQL statements once for the applications of all tests."""

from contextlib import suppress
from types import CodeType
from typing import Any, ClassVar

from flask import Flask
from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from tests.support.run_folder import run_folder


class Templates(FileSystemBytecodeCache):
    """Compiled templates, in memory and in files for all processes of a run; Jinja's key is name and text."""

    def __init__(self) -> None:
        super().__init__(str(run_folder()))
        self._cache: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._cache.get((bucket.key, bucket.checksum))
        if not bucket.code:
            super().load_bytecode(bucket)
        if bucket.code:
            self._cache[bucket.key, bucket.checksum] = bucket.code

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code:
            self._cache[bucket.key, bucket.checksum] = bucket.code
        with suppress(OSError):  # of a process that outlives the run
            super().dump_bytecode(bucket)


def share_templates() -> None:
    """Let every application created from now on load templates that another process of the run compiled."""
    Flask.jinja_options = {"bytecode_cache": Templates()}


def share_routes() -> None:
    """Let every application created from now on use the routes that an earlier one compiled."""
    Flask.url_rule_class = Route


class Route(Rule):
    """A routing rule whose parts and URL builders, which Werkzeug generates and compiles, are cached.

    Its converters are those of the first application; none of ours looks at the map that it belongs to.
    """

    _compiled: ClassVar[dict[tuple[Any, ...], tuple[Any, ...]]] = {}

    def compile(self) -> None:
        assert self.map is not None
        key = self.rule, self.subdomain, repr(self.defaults), *self.map.converters.values()
        if key not in self._compiled:
            super().compile()
            builders = self._build.__func__, self._build_unknown.__func__  # type: ignore[attr-defined]
            self._compiled[key] = self._parts, self._trace, self._converters, set(self.arguments), builders
        self._parts, self._trace, self._converters, arguments, builders = self._compiled[key]
        self.arguments |= arguments
        self._build, self._build_unknown = (each.__get__(self, None) for each in builders)


def _share_statements() -> None:
    """Let all engines of one kind of database use one cache; SQLAlchemy's key holds the engine's dialect."""
    statements: LRUCache[Any, Any] = LRUCache(5_000)

    @event.listens_for(Engine, "engine_connect")
    def share(connection: Connection) -> None:
        connection.engine._compiled_cache = statements

    for kind in (sqlite.dialect, postgresql.psycopg.dialect):
        kind.__eq__ = lambda self, other: type(self) is type(other)
        kind.__hash__ = lambda self: hash(type(self))


def install() -> None:
    """Let every application created from now on use the caches."""
    share_templates()
    share_routes()
    _share_statements()
