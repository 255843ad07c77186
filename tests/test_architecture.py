"""Tests about the code: its layout, its size, and the words it is written in."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "campaign"

LAYOUT = (
    "errors",
    "paths",
    "clock",
    "secret_key",
    "setting_reader",
    "settings",
    "log",
    "reference",
    "database",
    "sealing",
    "appeal",
    "letter",
    "organiser",
    "guard",
    "mail",
    "signature",
    "disclosure",
    "signature_list",
    "delivery",
    "operations",
    "worker",
    "web",
    "cli",
)
"""Modules and packages of ``campaign/``; each imports only from the entries above it."""

MAY_IMPORT_FLASK = {"web", "__init__"}
"""The web application, and ``create_app`` for the type that it returns."""

SQL_TYPES = {"sqlalchemy.Select", "sqlalchemy.orm", "sqlalchemy.orm.Session"}
"""The names of SQLAlchemy that the web may import, besides its errors."""

NOT_USED = {"utils", "helpers", "manager", "service", "dao", "data", "info"}

MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts and path.parent.name != "data"
)

VIEW_PACKAGES = (PACKAGE / "web" / "supporter", PACKAGE / "web" / "organise")

LINES_A_FILE = 270


def entry(path: Path) -> str:
    """Return the entry of the layout that *path* belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def module_name(path: Path) -> str:
    """Return the dotted name under which *path* is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of *path*, parsed once for all tests."""
    return ast.parse(path.read_text())


@cache
def imported(path: Path) -> frozenset[str]:
    """Return the dotted names that *path* imports, those for type checking included."""
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def holds_views(path: Path) -> bool:
    """Whether *path* registers a URL."""
    return any(path.is_relative_to(package) for package in VIEW_PACKAGES) and any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in {"get", "post", "route"}
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
    )


def test_the_layout_names_every_module_and_package() -> None:
    assert {entry(path) for path in MODULES} - {"__init__", "__main__"} == set(LAYOUT)


def test_a_module_imports_only_from_entries_above_its_own() -> None:
    for path in MODULES:
        if entry(path) in LAYOUT:
            below = LAYOUT[LAYOUT.index(entry(path)) + 1 :]
            upward = {
                name
                for name in imported(path)
                if name.startswith("campaign.") and name.split(".")[1] in below
            }
            assert not upward, path.relative_to(ROOT)


def test_only_the_web_imports_flask() -> None:
    for path in MODULES:
        if entry(path) not in MAY_IMPORT_FLASK:
            flask = {name for name in imported(path) if name.startswith("flask")}
            assert not flask, path.relative_to(ROOT)


def test_the_web_builds_no_sql() -> None:
    for path in MODULES:
        if entry(path) == "web":
            names = {name for name in imported(path) if name.startswith("sqlalchemy.")}
            sql = {name for name in names - SQL_TYPES if not name.startswith("sqlalchemy.exc")}
            assert not sql, path.relative_to(ROOT)


def test_only_one_module_calls_pythons_slow_normalisation() -> None:
    callers = {path.stem for path in MODULES if "unicodedata.normalize(" in path.read_text()}

    assert callers == {"normal_form"}


def test_no_view_imports_another_view() -> None:
    views = {module_name(path) for path in MODULES if holds_views(path)}
    assert len(views) > 10

    for path in MODULES:
        if holds_views(path):
            assert not imported(path) & views - {module_name(path)}, path.relative_to(ROOT)


def test_a_package_is_imported_by_its_modules() -> None:
    """A package's ``__init__.py`` holds a docstring and nothing else: there is one way to import a thing."""
    for path in MODULES:
        if path.name == "__init__.py" and path.parent != PACKAGE:
            [docstring] = parsed(path).body
            assert isinstance(docstring, ast.Expr), path.relative_to(ROOT)


def test_a_file_is_short_and_named_by_the_fields_terms() -> None:
    for path in MODULES:
        assert len(path.read_text().splitlines()) <= LINES_A_FILE, path.relative_to(ROOT)
        assert path.stem not in NOT_USED, path.relative_to(ROOT)


def test_the_readme_explains_the_layout() -> None:
    readme = (ROOT / "README.md").read_text()

    for line in LAYOUT:
        assert f"`{line}" in readme, line
