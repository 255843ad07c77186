"""What the README and its documents say is what is run."""

import re
import subprocess

from tests.support.docs import DOCUMENTS, README, ROOT, commands


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
    def pinned(lock: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+==\S+)", (ROOT / lock).read_text(), re.MULTILINE))

    assert pinned("requirements.lock") <= pinned("tests/requirements.lock")
