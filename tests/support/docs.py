"""The README and the documents that it links to, as tests read them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

README = ROOT / "README.md"
OPERATE = ROOT / ".github" / "docs" / "operate.md"
SECURITY = ROOT / ".github" / "SECURITY.md"

FIGURES = ROOT / ".github" / "docs" / "figures.md"

DOCUMENTS = (
    README,
    SECURITY,
    ROOT / ".github" / "CHANGELOG.md",
    OPERATE,
    FIGURES,
    ROOT / ".github" / "docs" / "asvs.md",
    ROOT / ".github" / "docs" / "translate.md",
)


def section(document: Path, title: str) -> str:
    """Return the text of *document* below the heading *title*, up to the next heading of that level."""
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", document.read_text(), re.MULTILINE | re.DOTALL)
    assert found, title
    return found.group(1)


def commands(document: Path, title: str) -> list[str]:
    """Return the indented lines of a section without their indent, one string each."""
    return re.findall(r"^    (\S.*)$", section(document, title), re.MULTILINE)


def file_in_commands(document: Path, title: str, path: str) -> str:
    """Return what a section's commands write to *path* with ``cat > PATH <<'END'``."""
    lines = re.sub(r"^    ", "", section(document, title), flags=re.MULTILINE)
    found = re.search(rf"^cat > {re.escape(path)} <<'END'\n(.*?)^END$", lines, re.MULTILINE | re.DOTALL)
    assert found, path
    return found.group(1)
