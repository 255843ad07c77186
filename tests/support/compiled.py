"""What the sites of all tests share: the code that templates and routes are compiled to."""

from typing import Any, ClassVar

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule


class Templates(BytecodeCache):
    """Keeps compiled templates in memory; Jinja finds them by their name and their text."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if kept := self._kept.get(bucket.key):
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


class Route(Rule):
    """Keeps what builds a rule's addresses: Werkzeug writes a function for it, and compiles that."""

    _kept: ClassVar[dict[tuple[Any, ...], Any]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        known = self.rule, self.subdomain, repr(self.defaults), append_unknown
        if known not in self._kept:
            self._kept[known] = super()._compile_builder(append_unknown)
        return self._kept[known]


def share() -> None:
    """Have every site that is made from now on use these."""
    Flask.jinja_options = {"bytecode_cache": Templates()}
    Flask.url_rule_class = Route
