"""What the README and its documents say is what is run."""

import hashlib
import re
import subprocess
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.docs import DOCUMENTS, FIGURES, README, ROOT, commands, section


def test_one_line_runs_the_tool_and_one_line_runs_the_tests() -> None:
    for title, ending in (("Try it", "campaign serve"), ("Run the tests", "pytest")):
        [line] = commands(README, title)
        assert line.startswith("python3 -m venv .venv && ")
        assert line.endswith(ending)
        assert "--require-hashes" in line


def test_ci_runs_the_readmes_own_test_line() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    [extraction] = re.findall(r'eval "\$\((sed .*)\)"', script)
    extracted = subprocess.run(
        ["bash", "-c", extraction], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert extracted.stdout.splitlines() == commands(README, "Run the tests")


def test_the_readme_takes_five_minutes_to_read() -> None:
    assert len(README.read_text().splitlines()) <= 185


def test_every_link_and_picture_of_the_documents_is_there() -> None:
    for document in DOCUMENTS:
        text = document.read_text()
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, heading = target.partition("#")
            linked = (document.parent / path).resolve() if path else document
            assert linked.exists(), f"{document.name}: {target}"
            if heading:
                assert heading in headings(linked.read_text()), f"{document.name}: {target}"


def headings(markdown: str) -> set[str]:
    """Return the anchors of a document's headings, as the places that show Markdown make them."""
    titles = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_package_that_is_named_is_locked_with_hashes() -> None:
    for lock in ("requirements.lock", "tests/requirements.lock"):
        text = (ROOT / lock).read_text()
        assert "http" not in text
        for block in re.split(r"\n(?=\S)", text.strip()):
            assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_tests_lock_holds_what_the_tool_runs_on() -> None:
    assert pinned("requirements.lock").items() <= pinned("tests/requirements.lock").items()


def test_the_locks_hold_every_dependency_in_a_version_that_is_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    optional = project["project"]["optional-dependencies"]
    runs_on = [
        *project["project"]["dependencies"],
        *optional["postgres"],
        *optional["build"],
        *project["build-system"]["requires"],
    ]
    for lock, needed in (("requirements.lock", runs_on), ("tests/requirements.lock", optional["test"])):
        versions = pinned(lock)
        for each in map(Requirement, needed):
            assert each.specifier.contains(versions[canonicalize_name(each.name)]), (lock, str(each))


def test_files_of_others_are_unchanged_and_have_their_licence_and_source_beside_them() -> None:
    vendored = [path for path in (ROOT / "static" / "vendor").glob("*/*") if path.suffix == ".js"]

    assert vendored
    for path in vendored:
        assert (path.parent / "LICENSE.txt").exists(), path
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert f"SHA-256 {digest}" in " ".join((path.parent / "README.md").read_text().split()), path
    for folder in {path.parent for path in (ROOT / "static" / "fonts").rglob("*.*") if path.suffix != ".md"}:
        assert "SIL Open Font License 1.1" in (folder / "README.md").read_text(), folder


def pinned(lock: str) -> dict[str, str]:
    """Return the version of each package in *lock*."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_the_readme_has_the_figures_of_their_own_page() -> None:
    figures = FIGURES.read_text()
    measured = re.findall(r"\| (\d[\d,.]*) \| (\d[\d,.]*):", section(README, "Speed"))

    assert len(measured) == 5
    for each in (number for row in measured for number in row):
        assert re.search(rf"(?<![\d,.]){re.escape(each)}(?!\d|[,.]\d)", figures), each
