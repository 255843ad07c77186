"""The code tells its story in one order: each module knows only what stands above it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "campaign"

LAYOUT = (
    "errors",
    "folder",
    "settings",
    "log",
    "language",
    "migration",
    "engine",
    "database",
    "group_commit",
    "batch",
    "participating_state",
    "residence",
    "appeal",
    "letter",
    "organisation",
    "mailbox",
    "seal",
    "campaign_key",
    "audit",
    "guard",
    "mail",
    "tally",
    "signature",
    "safety",
    "recount",
    "condition",
    "organiser",
    "unlocking",
    "membership",
    "delegation",
    "signature_list",
    "delivery",
    "emergency",
    "chart",
    "relocation",
    "start",
    "demo",
    "doctor",
    "duties",
    "queue",
    "tasks",
    "web",
    "cli",
)
"""From the ground up; README's “Layout” says what each is for."""

MAY_KNOW_FLASK = {"web", "cli", "tasks", "__init__"}

NOT_USED = {"utils", "helpers", "manager", "service", "dao", "data", "info"}

MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts and path.parent.name != "data"
)

LINES_A_FILE = 270


def room(path: Path) -> str:
    """Return the line of the layout that *path* belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Return the dotted names that *path* imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_lines_above_its_own(path: Path) -> None:
    own = room(path)
    if own in {"__init__", "__main__"}:
        return
    below = LAYOUT[LAYOUT.index(own) + 1 :]
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "campaign" and len(parts) > 1:
            assert parts[1] not in below, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_web_knows_flask(path: Path) -> None:
    if room(path) not in MAY_KNOW_FLASK:
        flask = {name for name in imported(path) if name.split(".")[0].startswith("flask")}
        assert not flask


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_is_short_and_named_by_the_fields_terms(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINES_A_FILE
    assert path.stem not in NOT_USED


def test_the_layout_names_what_there_is() -> None:
    there = {room(path) for path in MODULES} - {"__init__", "__main__"}

    assert there == set(LAYOUT)


def test_the_layout_is_told_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()

    for line in LAYOUT:
        assert f"`{line}" in readme, line
